"""Real keys and real proofs, of a small circuit."""

from pathlib import Path
from typing import Any

import pytest

from assay.protocol.proof.curve import combination, to_bytes, total
from assay.protocol.proof.key import Sizes, VerificationKey
from assay.protocol.proof.verification import holds
from assay_pricing.errors import ProofError
from assay_pricing.proof.circuit import Inputs
from assay_pricing.proof.prover import import_ceremony, proven, set_up
from tests.kit.proofs import DOUBLED, SIZES, Proven, tiny_key, tiny_proof

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("proofs")


@pytest.fixture(scope="module")
def made(folder: Path) -> Proven:
    return tiny_proof(folder)


def test_a_proof_of_256_bytes_holds_for_its_statement(made: Proven) -> None:
    assert len(made.proof) == 256
    assert holds(made.key, made.statement, made.proof)


OTHERS: list[dict[str, Any]] = [
    {"chain_id": 1},
    {"contract": "0x" + "12" * 20},
    {"model_id": bytes(32)},
    {"content_id": bytes(32)},
    {"seller": "0x" + "23" * 20},
    {"data_root": bytes(32)},
    {"price": 6},
    {"records": 101},
    {"key": bytes(32)},
]


@pytest.mark.parametrize("other", OTHERS, ids=lambda other: next(iter(other)))
def test_a_proof_is_of_no_other_quote_chain_model_or_key(made: Proven, other: dict[str, Any]) -> None:
    assert not holds(made.key, made.statement.model_copy(update=other), made.proof)


def test_a_proof_is_of_no_other_bounds_or_commitments(made: Proven) -> None:
    statement = made.statement
    shifted = to_bytes(total([statement.points[1], combination([1], [made.key.statistics[0]])]))
    for other in (
        {"least": statement.least + 1},
        {"most": statement.most + 1},
        {"least": -(2**SIZES.price_bits) - 1},
        {"statistics": shifted},
        {"model": shifted},
    ):
        assert not holds(made.key, statement.model_copy(update=other), made.proof)


def test_bytes_that_are_no_proof_do_not_hold(made: Proven) -> None:
    assert not holds(made.key, made.statement, made.proof[:-1])
    assert not holds(made.key, made.statement, bytes(256))
    assert not holds(made.key, made.statement, b"\xff" * 256)
    for i in (31, 100, 255):
        altered = made.proof[:i] + bytes([made.proof[i] ^ 1]) + made.proof[i + 1 :]
        assert not holds(made.key, made.statement, altered)


def test_a_price_outside_the_bounds_has_no_proof(folder: Path) -> None:
    for bounds in ({"least": DOUBLED + 1, "most": DOUBLED + 5}, {"least": DOUBLED - 5, "most": DOUBLED - 1}):
        with pytest.raises(ProofError, match="expected numbers of which the statement is true"):
            tiny_proof(folder, **bounds)


def test_a_key_is_read_as_it_was_written_and_refused_once_altered(made: Proven) -> None:
    data = made.key.to_bytes()
    assert VerificationKey.from_bytes(data) == made.key
    other = VerificationKey.from_bytes(data[:-64] + to_bytes(made.key.points[0]))
    assert other.digest != made.key.digest
    assert not holds(other, made.statement, made.proof)
    for altered in (b"x" + data, data[:-1], data[:-64], data[:-1] + bytes([data[-1] ^ 1])):
        with pytest.raises(ValueError, match="expected"):
            VerificationKey.from_bytes(altered)


def test_faults_of_the_library_are_told_by_name(folder: Path, tmp_path: Path) -> None:
    foreign = tmp_path / "foreign.zkey"
    foreign.write_bytes(b"no key")
    with pytest.raises(ProofError, match="groth16py could not import"):
        import_ceremony(SIZES, foreign, tmp_path / "key")
    with pytest.raises(ProofError, match="groth16py could not prove"):
        proven(SIZES, Inputs.nothing(SIZES), foreign)
    wide = Sizes(3, 2, 30)
    proving, _ = tiny_key(folder)
    with pytest.raises(ProofError, match="groth16py could not prove"):
        proven(wide, Inputs.nothing(wide), proving)
    assert set_up(wide, tmp_path / "wide").sizes == wide
