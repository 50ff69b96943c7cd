"""Proofs of prices: what a buyer, a seller and a contract verify.

    curve        BN254: sums of multiples of points, in Python's integers
    key          the verification key of a circuit, and which of its points belong to which number
    commitment   commitments to a model's integers and to a set's statistics; proof of an opening
    statement    what a proof is of, and what it is bound to
    verification whether a proof holds
    money        from a doubled price to money, and back
    proven       a proven price, and its check
    evidence     what a contract takes in place of a signature
    money        from a doubled price to money, and back
    proven       a proven price, and its check
    evidence     what a contract takes in place of a signature

``docs/proofs.md`` has the statement.
"""
