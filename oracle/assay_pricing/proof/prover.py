"""Keys and proofs, made by groth16py in a process of its own."""

import importlib.util
import secrets
import subprocess
import sys
import tempfile
from pathlib import Path

from assay.protocol.proof.curve import ORDER
from assay.protocol.proof.key import Sizes, SnarkjsKey, VerificationKey
from assay_pricing.errors import ProofError
from assay_pricing.proof.circuit import Inputs, built, public_count
from assay_pricing.proof.gamma import Gamma, divided, scaled

_LIBRARY = "groth16py"
_SHOWN = 400


def set_up(sizes: Sizes, key: Path) -> VerificationKey:
    """Makes a proving key in one place, for development: whoever makes it could keep what forges proofs.

    Args:
        sizes: Of the circuit.
        key: The file to write.

    Raises:
        ProofError: The library is not installed, or failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        circuit = Path(folder) / "circuit.r1cs"
        write_circuit(sizes, circuit)
        made, secret = _made("setup", circuit, key), 1 + secrets.randbelow(ORDER - 1)
        return VerificationKey.of(sizes, made, scaled(secret, made.gamma), divided(secret, made.points))


def import_ceremony(sizes: Sizes, ceremony: Path, key: Path) -> VerificationKey:
    """Makes a proving key of the files in which a ceremony ended: zkey of snarkjs, contributions to gamma beside it.

    Raises:
        ProofError: A file is of another circuit, the library is not installed, or it failed.
    """
    made, gamma = _made("import", ceremony, key), Gamma.beside(ceremony)
    gamma.check(made.gamma, made.points)
    try:
        return VerificationKey.of(sizes, made, gamma.last(made.gamma), gamma.places)
    except ValueError as error:
        raise ProofError(str(error), hint="name the sizes that the circuit was made for") from None


def write_circuit(sizes: Sizes, file: Path) -> None:
    """Writes the circuit's constraints (r1cs)."""
    file.write_bytes(built(sizes).r1cs(public_count(sizes)))


def proven(sizes: Sizes, inputs: Inputs, key: Path) -> bytes:
    """A proof: 256 bytes.

    Raises:
        ProofError: The numbers do not satisfy the statement, the library is not installed, or it failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        witness, proof = Path(folder) / "witness.wtns", Path(folder) / "proof"
        system = built(sizes, inputs)
        if next(system.violated(), None) is not None:
            raise ProofError("expected numbers of which the statement is true, got others: it has no proof")
        witness.write_bytes(system.witness())
        _run("prove", key, witness, proof)
        return proof.read_bytes()


def _made(command: str, source: Path, key: Path) -> SnarkjsKey:
    with tempfile.TemporaryDirectory() as folder:
        verification = Path(folder) / "verification.json"
        _run(command, source, key, verification)
        return SnarkjsKey.from_json(verification.read_text())


def _run(*arguments: str | Path) -> None:
    if importlib.util.find_spec(_LIBRARY) is None:
        raise ProofError(f"expected {_LIBRARY}, it is not installed", hint="pip install 'assay[zk]'")
    command = [sys.executable, "-m", "assay_pricing.proof.groth16", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - our own module
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise ProofError(f"{_LIBRARY} could not {arguments[0]}: {said[:_SHOWN]}")
