"""A ceremony of three parties, by snarkjs: the key that comes out proves, and an altered or empty one is refused."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from assay.protocol.proof.verification import holds
from assay_pricing.errors import ProofError
from assay_pricing.proof.ceremony import begin, contribute, verify
from assay_pricing.proof.gamma import Gamma, file_of
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


def _refuses_other_contributions(circuit: Path, powers: Path, keys: list[Path]) -> None:
    """To gamma, in the file beside the last key: of one party alone, of another order, with points of another key."""
    kept, file = Gamma.beside(keys[3]), file_of(keys[3])
    made = kept.contributions
    others: dict[str, Any] = {
        "to the gamma before": {"contributions": made[2:]},
        "of 'data owner' to the gamma before": {
            "contributions": (made[0], made[2].model_copy(update={"name": "data owner"}))
        },
        "the key's own points": {"points": Gamma.beside(keys[2]).points},
        "points of a key": {"points": kept.points[:-1]},
        "key's own points": {"points": kept.points[:-64]},
    }
    for told, other in others.items():
        file.write_text(kept.model_copy(update=other).model_dump_json())
        with pytest.raises(ProofError, match=told):
            verify(circuit, powers, keys[3])
    file.unlink()
    with pytest.raises(ProofError, match="expected contributions to gamma at"):
        import_ceremony(SIZES, keys[3], keys[3].with_name("unmade"))
    kept.write(keys[3])


def test_three_parties_make_a_key_that_proves(folder: Path) -> None:
    circuit, powers = folder / "circuit.r1cs", folder / "powers.ptau"
    keys = [folder / f"{i}.zkey" for i in range(4)]
    begin(circuit, powers, keys[0])
    for i, name in enumerate(("model owner", "data owner", "operator")):
        contribute(keys[i], keys[i + 1], name)
    assert verify(circuit, powers, keys[3]) == ["model owner", "data owner", "operator"]
    assert len({key.read_bytes() for key in keys}) == 4
    made = import_ceremony(SIZES, keys[3], folder / "key")
    inputs, statement = tiny_inputs(made)
    assert holds(made, statement, proven(SIZES, inputs, folder / "key"))

    with pytest.raises(ProofError, match="somebody contributed a secret to"):
        import_ceremony(SIZES, keys[0], folder / "empty")
    _refuses_other_contributions(circuit, powers, keys)
    altered = bytearray(keys[3].read_bytes())
    altered[-200] ^= 1
    (folder / "altered.zkey").write_bytes(altered)
    Gamma.beside(keys[3]).write(folder / "altered.zkey")
    with pytest.raises(ProofError, match="snarkjs zkey verify failed"):
        verify(circuit, powers, folder / "altered.zkey")
