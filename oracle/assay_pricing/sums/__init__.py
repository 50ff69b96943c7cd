"""Prices of sets from sums over their records, in integers; ``docs/price-format.md`` specifies all of it.

    inputs      records as small integers, by public columns
    features    public features of these integers: linear ones, and random Fourier features of a public seed
    moments     the sums of an offer, S and T, computed in parts
    rounded     solutions of linear systems, rounded correctly: the same integers on every machine
    statistics  what a price is read from: the ridge regression's shrinkage Q and solution U
    form        the owner's integers, and the price
    blind       blind quotes of a price function
    fitting     the same price in floating point, from the owner's model and records; and its rounding
    simulated   offers that the owner simulates
    choice      the regression that ranks and sizes these best

A seller runs ``inputs`` to ``statistics``, which need numpy alone.
"""
