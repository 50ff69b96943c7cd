"""The price function of a model, as those know it who do not have it: what is published of it, and its hash."""
