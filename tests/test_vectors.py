"""The client keeps to the shared vectors. `tests/contracts/test_vectors.py` holds the contract to the same ones."""

import io
from typing import Any

import pytest

from assay.protocol.seal import keystream, prove, seal
from assay.protocol.statements import Domain, digest
from assay.protocol.structs import Quote
from assay.protocol.tree import ChunkProof, Layout, root_of, verify_proof
from assay.protocol.types import parse_bytes
from tests.vectors import vectors

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("vector", vectors("chacha20"), ids=lambda v: f"{v['source'][:8]}-{v['counter']}")
def test_the_key_stream_is_rfc_8439s(vector: dict[str, Any]) -> None:
    apply = keystream(parse_bytes(vector["key"]), vector["counter"])

    assert apply(parse_bytes(vector["plain"])) == parse_bytes(vector["sealed"])


@pytest.mark.parametrize("vector", vectors("quotes"), ids=lambda v: f"price-{v['quote']['price']}")
def test_digests_are_eip_712s(vector: dict[str, Any]) -> None:
    names = dict(zip(vector["quote"], Quote.model_fields, strict=True))
    quote = Quote(**{names[key]: value for key, value in vector["quote"].items()})
    domain = Domain(chain_id=vector["chainId"], contract=vector["contract"])
    quoted, order = parse_bytes(vector["quoteDigest"]), parse_bytes(vector["orderDigest"])

    assert digest(domain.quote(quote)) == quoted
    acceptance = domain.acceptance(quoted, parse_bytes(vector["keyHash"]))
    assert digest(acceptance) == parse_bytes(vector["acceptanceDigest"])
    assert digest(domain.receipt(order)) == parse_bytes(vector["receiptDigest"])
    assert digest(domain.acknowledgement(order)) == parse_bytes(vector["acknowledgementDigest"])


@pytest.mark.parametrize("vector", vectors("trees"), ids=lambda v: f"{len(v['leaves'])}-chunks")
def test_roots_are_those_of_an_independent_tree(vector: dict[str, Any]) -> None:
    entries = b"".join(parse_bytes(part) for pair in vector["digests"] for part in pair)

    assert root_of(Layout(vector["totalBytes"], vector["chunkSize"]), entries) == parse_bytes(vector["root"])


def shown(vector: dict[str, Any], proof: dict[str, Any]) -> ChunkProof:
    """A proof of the vector as the client's type."""
    return ChunkProof(
        total_bytes=vector["totalBytes"],
        chunk_size=vector["chunkSize"],
        index=proof["index"],
        plain_digest=proof["plainDigest"],
        sealed_chunk=proof["sealedChunk"],
        path=proof["path"],
    )


@pytest.mark.parametrize("vector", vectors("sealed"), ids=lambda v: f"{v['totalBytes']}-bytes")
def test_a_proof_leads_to_the_root_from_its_own_place_alone(vector: dict[str, Any]) -> None:
    root = parse_bytes(vector["root"])

    for proof in vector["proofs"]:
        for place in range(len(vector["proofs"])):
            moved = shown(vector, proof | {"index": place})
            assert verify_proof(moved, root) == (place == proof["index"])


@pytest.mark.parametrize("vector", vectors("sealed"), ids=lambda v: f"{v['totalBytes']}-bytes")
def test_sealing_makes_the_committed_chunks(vector: dict[str, Any]) -> None:
    plain, size = parse_bytes(vector["plain"]), vector["chunkSize"]
    chunks = [plain[i : i + size] for i in range(0, len(plain), size)]
    salts = iter(chunk[:16] for chunk in chunks)
    sealed = io.BytesIO()

    data = io.BytesIO(b"".join(chunk[16:] for chunk in chunks))
    commitment = seal(data, sealed, parse_bytes(vector["key"]), chunk_size=size, salts=lambda _: next(salts))

    assert commitment.data_root == parse_bytes(vector["root"])
    assert [prove(sealed, i) for i in range(len(chunks))] == [shown(vector, proof) for proof in vector["proofs"]]
