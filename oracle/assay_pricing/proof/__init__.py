"""The proven price: the circuit of the price from sums, and what makes proofs of it.

    poseidon  the hash that draws a circuit's challenge
    system    rank-1 constraints and their witness, computed together
    circuit   the statement, as constraints
    interval  which doubled prices have a price in money
    prover    keys and proofs by groth16py, in a process of its own

``docs/proofs.md`` has the statement; ``assay.protocol.proof`` verifies.
"""
