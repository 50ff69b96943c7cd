"""The ledger: what was offered, evaluated, quoted and posted."""
