"""The whole ledger as rows: read in one state of it beside the daemon, and written into an empty one."""
