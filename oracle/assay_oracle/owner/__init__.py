"""The model owner's tools."""
