"""What a buyer can show of an oracle: a false statement that it paid on, and a chunk that is not the sold one."""

import hashlib

from assay.protocol.seal import keystream
from assay.protocol.statements import Domain, signer_of
from assay.protocol.structs import Order, key_hash
from assay.protocol.tree import ChunkProof, is_committed, sha256, verify_proof
from assay.protocol.types import Address, Bytes32, Signature, Value


class EscrowEvidence(Value):
    """The statements of one order, and later the key that came with a chunk that it does not open.

    Attributes:
        oracle: The model's oracle, as the chain named it when the buyer acknowledged.
        key_escrow: The oracle's signature over ``KeyEscrow``.
        acknowledgement: The buyer's, given on that statement.
        key: The key that the oracle handed over.
        proof: A committed chunk that ``key`` does not open.
    """

    domain: Domain
    oracle: Address
    order: Order
    key_escrow: Signature
    acknowledgement: Signature
    key: Bytes32 | None = None
    proof: ChunkProof | None = None

    def is_signed(self) -> bool:
        """Whether the key of ``oracle`` signed the statement. What a committee's wallet signed, the chain tells."""
        return signer_of(self.domain.key_escrow(self.order.digest()), self.key_escrow) == self.oracle

    def disproves(self) -> bool:
        """Whether key and chunk prove the statement false: the contract's rule of a dispute, off the chain."""
        if self.key is None or self.proof is None:
            return False
        if key_hash(self.order.order_id(), self.key) != self.order.key_hash:
            return False
        if not verify_proof(self.proof, self.order.data_root):
            return False
        first_block = self.proof.index * self.proof.chunk_size // 64
        opened = keystream(self.key, first_block)(self.proof.sealed_chunk)
        return hashlib.sha256(opened).digest() != self.proof.plain_digest


class DeliveryEvidence(Value):
    """A chunk that an oracle delivered twice in place of the committed one. That it did so is the buyer's word.

    Attributes:
        oracle_url: Where it was downloaded from.
        proof: The delivered chunk, and the path of the committed one.
        sealed_digest: SHA-256 of the committed one.
    """

    oracle_url: str
    order: Order
    proof: ChunkProof
    sealed_digest: Bytes32

    def shows_another_chunk(self) -> bool:
        """Whether the order commits to another chunk at this place than the delivered one."""
        is_another = sha256(self.proof.sealed_chunk) != self.sealed_digest
        return is_another and is_committed(self.proof, self.sealed_digest, self.order.data_root)
