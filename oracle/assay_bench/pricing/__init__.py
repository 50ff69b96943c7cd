"""The pricing benchmark: what each method's price is worth against retraining of the true model.

One unit of work is (data set, setting, seed, method); units are kept as files, so that a run that was cut goes on where
it stopped. ``parties`` makes the owner and the offers, ``truth`` retrains, ``figures`` compares, ``report`` tells.
"""
