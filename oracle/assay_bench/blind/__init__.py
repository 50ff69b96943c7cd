"""Blind quotes: seconds and bytes by the number of records, beside influence by record under CKKS."""
