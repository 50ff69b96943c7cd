"""The ground truth: the gain of data, measured by training the true model with and without it."""
