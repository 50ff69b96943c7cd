"""Pricing, pure: from records to an integer price. Shapes: ``n`` records, ``d`` features, ``k`` classes.

``function.fit`` makes a ``PriceFunction``, its ``appraise`` an ``Appraisal``; ``tables.parse_records`` reads offers;
``methods`` holds the ways to say what records are worth.
"""
