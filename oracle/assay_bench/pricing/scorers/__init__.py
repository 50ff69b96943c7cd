"""The scorers compared: baselines, the libraries pyDVL and dattri, and the product's own methods."""
