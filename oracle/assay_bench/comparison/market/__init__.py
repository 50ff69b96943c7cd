"""A chain of its own (Anvil), and the contracts that approaches settle by: the product's, and two small ones."""
