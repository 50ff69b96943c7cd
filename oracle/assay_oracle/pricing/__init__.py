"""Pricing, pure: from records to an integer price. Shapes: ``n`` records, ``d`` features, ``k`` classes."""
