"""Cryptography that approaches of others rest on: CKKS, Paillier, secure aggregation, additive sharing."""
