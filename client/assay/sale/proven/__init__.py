"""Purchases of models whose prices are proven: what a buyer checks before it pays, and once it has the data."""
