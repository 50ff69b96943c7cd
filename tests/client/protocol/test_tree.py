"""Proofs of single chunks: a proof of one place is no proof of another, and no altered proof is valid."""

import io
from typing import Any

import pytest

from assay.protocol import seal, tree
from assay.protocol.tree import ChunkProof

pytestmark = pytest.mark.unit

KEY = bytes(range(32))


def sealed(data: bytes, *, key: bytes = KEY, chunk_size: int = 1024) -> io.BytesIO:
    target = io.BytesIO()
    seal.seal(io.BytesIO(data), target, key, chunk_size=chunk_size)
    return target


# --- proofs that prove nothing ----------------------------------------------------------------------------------------


def proof_of(count: int, index: int) -> tuple[ChunkProof, bytes]:
    file = sealed(bytes(count * 1008 - 5))
    return seal.prove(file, index), seal.read_index(file).data_root


@pytest.mark.parametrize("count", [1, 2, 3, 5, 6, 7])
def test_proof_of_one_place_is_none_of_another(count: int) -> None:
    for index in range(count):
        proof, root = proof_of(count, index)
        for other in range(count):
            moved = proof.model_copy(update={"index": other})
            assert tree.verify_proof(moved, root) == (other == index)


def test_proof_with_a_longer_or_shorter_path() -> None:
    proof, root = proof_of(5, 1)
    assert not tree.verify_proof(proof.model_copy(update={"path": (*proof.path, bytes(32))}), root)
    assert not tree.verify_proof(proof.model_copy(update={"path": proof.path[:-1]}), root)


@pytest.mark.parametrize(
    "changes",
    [
        {"sealed_chunk": bytes(1024)},
        {"sealed_chunk": b""},
        {"plain_digest": bytes(32)},
        {"index": 99},
        {"total_bytes": 4 * 1024},
    ],
    ids=str,
)
def test_altered_proof(changes: dict[str, Any]) -> None:
    proof, root = proof_of(5, 1)
    assert not tree.verify_proof(proof.model_copy(update=changes), root)


@pytest.mark.parametrize("index", [-1, 3])
def test_proof_of_no_chunk(index: int) -> None:
    with pytest.raises(IndexError, match="expected a chunk from 0 to 2"):
        seal.prove(sealed(bytes(3000)), index)
