"""Assay: sell and buy training data at a price that a surrogate of the model sets before anything changes hands."""
