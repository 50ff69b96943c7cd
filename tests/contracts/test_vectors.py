"""The contract keeps to the shared vectors. `tests/test_vectors.py` holds the client to the same ones."""

import hashlib
from typing import Any

import pytest

from tests.contracts.world import World
from tests.vectors import vectors

pytestmark = pytest.mark.integration


def test_the_key_stream_is_rfc_8439s(harness: Any) -> None:
    for vector in vectors("chacha20"):
        sealed = harness.applyKeyStream(vector["key"], vector["counter"], vector["plain"])
        assert "0x" + bytes(sealed).hex() == vector["sealed"], vector["source"]


def test_digests_are_eip_712s(world: World, project: Any) -> None:
    code = world.chain.provider.get_code(world.settlement.address)
    for vector in vectors("quotes"):
        world.chain.provider.set_code(vector["contract"], code)
        settlement = project.Settlement.at(vector["contract"])
        assert world.chain.chain_id == vector["chainId"]

        assert settlement.quoteDigest(tuple(vector["quote"].values())).to_0x_hex() == vector["quoteDigest"]
        acceptance = settlement.acceptanceDigest(vector["quoteDigest"], vector["keyHash"])
        assert acceptance.to_0x_hex() == vector["acceptanceDigest"]
        assert settlement.receiptDigest(vector["orderDigest"]).to_0x_hex() == vector["receiptDigest"]
        acknowledgement = settlement.acknowledgementDigest(vector["orderDigest"])
        assert acknowledgement.to_0x_hex() == vector["acknowledgementDigest"]


def test_roots_and_paths_are_those_of_an_independent_tree(harness: Any) -> None:
    for vector in vectors("trees"):
        leaves, count, top = vector["leaves"], len(vector["leaves"]), vector["top"]

        assert harness.hashRoot(vector["totalBytes"], vector["chunkSize"], top).to_0x_hex() == vector["root"]
        assert harness.countChunks(vector["totalBytes"], vector["chunkSize"]) == count
        for index in {0, count // 2, count - 1}:
            path = vector["paths"][index]
            assert harness.treeHashFromProof(leaves[index], index, count, path).to_0x_hex() == top


def test_a_sealed_chunk_opens_and_leads_to_the_root(harness: Any) -> None:
    for vector in vectors("sealed"):
        for proof in vector["proofs"]:
            index, chunk, size = proof["index"], proof["sealedChunk"], vector["chunkSize"]
            plain = harness.applyKeyStream(vector["key"], index * size // 64, chunk)
            length = len(plain)
            assert vector["plain"][2 + 2 * index * size :][: 2 * length] == bytes(plain).hex()

            sealed_digest = hashlib.sha256(bytes.fromhex(chunk[2:])).digest()
            leaf = harness.hashLeaf(index, length, proof["plainDigest"], sealed_digest)
            top = harness.treeHashFromProof(leaf, index, len(vector["proofs"]), proof["path"])
            assert harness.hashRoot(vector["totalBytes"], size, top).to_0x_hex() == vector["root"]


def test_a_tree_over_plaintext_has_the_root(harness: Any) -> None:
    for vector in vectors("sealed"):
        chunks = [bytes.fromhex(proof["sealedChunk"][2:]) for proof in vector["proofs"]]
        digests = [hashlib.sha256(chunk).digest() for chunk in chunks]
        top = harness.treeHash(vector["plain"], vector["chunkSize"], digests)
        assert harness.hashRoot(vector["totalBytes"], vector["chunkSize"], top).to_0x_hex() == vector["root"]
