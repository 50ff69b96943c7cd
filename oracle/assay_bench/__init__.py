"""Benchmarks: what a price is worth, measured."""
