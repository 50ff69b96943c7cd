"""Fuzzing: guided by coverage, by ``make fuzz-sealed`` and ``make fuzz-network``; of the API, by ``make fuzz-api``."""
