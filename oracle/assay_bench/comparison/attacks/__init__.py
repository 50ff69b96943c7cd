"""Attacks on a trade: what one side makes of what it receives.

Records are rows in 0..1 (n, d); a model is a ``Network``, so that every approach is attacked by the same code.
"""
