"""The proven price: the circuit of the price from sums, and what makes proofs of it.

    poseidon  the hash that draws a circuit's challenge
    system    rank-1 constraints and their witness, computed together
    circuit   the statement, as constraints
    prover    keys and proofs by groth16py, in a process of its own
    folder    what proofs of one model are made with, on disk
    pricing   proofs of a price function's prices
    ceremony  the set-up of a key by several parties, by snarkjs
    gamma     what snarkjs leaves out of it: the secret of the points that commit

``docs/proofs.md`` has the statement; ``assay.protocol.proof`` verifies.
"""
