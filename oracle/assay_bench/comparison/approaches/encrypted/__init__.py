"""Approaches that encrypt the model, or the data."""
