"""Pricing: from records to an integer price, without network, clock or environment.

``fitting.fit`` makes a ``PriceFunction``, whose ``appraise`` returns an ``Appraisal``. ``records.tables.parse_records``
reads offers. ``methods`` holds the pricing methods, ``surrogate`` the numerics that they share. Shapes are given in the
letters of docs/pricing.md: n records, d features, k classes, v validation records, b records of the base.
"""
