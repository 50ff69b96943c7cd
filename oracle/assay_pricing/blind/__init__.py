"""The blind price: a seller and an oracle compute a set's price from encrypted sums; neither sees the other's numbers.

    shape     what is public: sizes, bounds, plaintext moduli
    form      the owner's secret integers, and the price in the clear
    layout    which coefficient holds which number of a matrix
    residues  residues: drawn from a seed, packed into bytes
    ring      the one adapter over Microsoft SEAL: BFV keys, encryption, products with plaintexts
    linear    an oblivious linear map: the seller has a matrix, the oracle another, each gets a share of their product
    rounds    the two maps of a price, and arithmetic modulo several primes
    seller    the seller's rounds
    evaluator the oracle's rounds

``docs/blind.md`` specifies the protocol.
"""
