"""Proofs of prices: what a buyer, a seller and a contract verify.

curve        BN254: sums of multiples of points, in Python's integers
key          the verification key of a circuit, and which of its points belong to which number
commitment   commitments to a model's integers and to a set's statistics; proof of an opening
statement    what a proof is of, and what it is bound to
verification whether a proof holds

``docs/proofs.md`` has the statement.
"""
