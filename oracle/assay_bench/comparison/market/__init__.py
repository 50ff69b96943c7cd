"""How approaches quote and settle: blind quotes, a chain of its own (Anvil), the product's contract, two small ones."""
