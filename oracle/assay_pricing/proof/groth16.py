"""The program ``python -m assay_pricing.proof.groth16``: groth16py (GPL 3), for ``prover`` alone.

setup  CIRCUIT.r1cs KEY VERIFICATION.json   a key whose maker could forge proofs: for development
import CEREMONY.zkey KEY VERIFICATION.json  the key of a ceremony
prove  KEY WITNESS.wtns PROOF               256 bytes

Keys are files of groth16py.
"""

import sys
from pathlib import Path


def main(command: str, *files: str) -> None:
    """Runs one command."""
    import groth16py

    if command == "prove":
        key, witness, proof = files
        Path(proof).write_bytes(groth16py.prove_wtns(groth16py.ProvingKey.load(key), witness))
        return
    source, key, verification = files
    made, public = (groth16py.setup if command == "setup" else groth16py.import_zkey)(source)
    made.save(key)
    Path(verification).write_text(public.to_json())


if __name__ == "__main__":
    main(*sys.argv[1:])
