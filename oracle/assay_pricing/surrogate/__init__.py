"""The surrogate: from a black box to a model that is cheap to update."""
