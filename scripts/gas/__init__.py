"""Gas of every operation, and of a sale of it: ``PYTHONPATH=scripts python -m gas``."""
