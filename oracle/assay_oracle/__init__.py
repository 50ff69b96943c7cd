"""The Assay oracle: prices data with a surrogate of a model, signs the price, and posts the sale."""
