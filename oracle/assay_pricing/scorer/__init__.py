"""The integer price format: a scorer of records in whole numbers, the same to the bit on any machine.

``format`` is the specification as code (``docs/price-format.md`` in words); ``export`` distils a price function into
it.
"""
