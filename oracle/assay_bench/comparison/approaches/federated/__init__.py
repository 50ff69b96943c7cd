"""Approaches in which the seller trains the buyer's model, and sends what that changed."""
