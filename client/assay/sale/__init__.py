"""The two parties of a sale: seller and buyer."""
