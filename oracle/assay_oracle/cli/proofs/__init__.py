"""The commands of proofs: keys, their ceremony, proven prices, and the contract that asks for them."""
