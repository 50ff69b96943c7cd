"""The settlement contract through a node."""
