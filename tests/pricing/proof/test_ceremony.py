"""A ceremony of three parties, by snarkjs: the key that comes out proves, and an altered or empty one is refused."""

import subprocess
from pathlib import Path

import pytest

from assay.protocol.proof.verification import holds
from assay_pricing.errors import ProofError
from assay_pricing.proof.ceremony import begin, contribute, verify
from assay_pricing.proof.prover import import_ceremony, proven, write_circuit
from tests.kit.proofs import SIZES, tiny_inputs

pytestmark = [pytest.mark.integration, pytest.mark.slow]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A circuit, and powers of tau as a public ceremony would leave them."""
    folder = tmp_path_factory.mktemp("ceremony")
    write_circuit(SIZES, folder / "circuit.r1cs")
    for command in (
        ("new", "bn128", "11", "new.ptau"),
        ("contribute", "new.ptau", "made.ptau", "--name=anybody", "-e=of no importance"),
        ("prepare", "phase2", "made.ptau", "powers.ptau"),
    ):
        subprocess.run(["snarkjs", "powersoftau", *command], cwd=folder, check=True, capture_output=True)
    return folder


def test_three_parties_make_a_key_that_proves(folder: Path) -> None:
    circuit, powers = folder / "circuit.r1cs", folder / "powers.ptau"
    keys = [folder / f"{i}.zkey" for i in range(4)]
    begin(circuit, powers, keys[0])
    for i, name in enumerate(("model owner", "data owner", "operator")):
        contribute(keys[i], keys[i + 1], name)
    verify(circuit, powers, keys[3])
    assert len({key.read_bytes() for key in keys}) == 4
    made = import_ceremony(SIZES, keys[3], folder / "key")
    inputs, statement = tiny_inputs(made)
    assert holds(made, statement, proven(SIZES, inputs, folder / "key"))

    with pytest.raises(ProofError, match="somebody contributed a secret to"):
        import_ceremony(SIZES, keys[0], folder / "empty")
    altered = bytearray(keys[3].read_bytes())
    altered[-200] ^= 1
    (folder / "altered.zkey").write_bytes(altered)
    with pytest.raises(ProofError, match="snarkjs zkey verify failed"):
        verify(circuit, powers, folder / "altered.zkey")
