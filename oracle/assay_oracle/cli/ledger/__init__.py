"""Commands on the ledger: its offers and its tables."""
