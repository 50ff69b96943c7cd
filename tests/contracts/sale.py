"""What is sold in the specification's tests: sealed data, and a sale as far as it was agreed off chain."""

import hashlib
import io
from dataclasses import dataclass, replace
from typing import Any

from assay.protocol.seal import plaintext, prove, read_index, seal
from assay.protocol.structs import ModelTerms, Order, Quote
from assay.protocol.tree import ChunkProof, Commitment, root_of

HOUR = 3600
DAY = 24 * HOUR
ETHER = 10**18
PRICE = 10**17
CHUNK = 1024


def bytes32(text: str) -> bytes:
    """A recognisable 32-byte value."""
    return hashlib.sha256(text.encode()).digest()


def parsed(kind: Any, values: Any) -> Any:
    """A struct of an event as the client's type."""
    return kind(**dict(zip(kind.model_fields, values, strict=True)))


@dataclass(frozen=True)
class Sealed:
    """A sealed file with its key. A seller who lies has put another key into the order than the file's."""

    file: io.BytesIO
    key: bytes
    commitment: Commitment

    @classmethod
    def of(cls, data: bytes, chunk_size: int = CHUNK, key: bytes = bytes32("key")) -> "Sealed":
        file = io.BytesIO()
        salts = hashlib.shake_256(b"salts")
        commitment = seal(io.BytesIO(data), file, key, chunk_size=chunk_size, salts=salts.digest)
        return cls(file, key, commitment)

    @property
    def plain(self) -> bytes:
        """All chunks in plaintext, salts included."""
        return plaintext(self.file, self.key)[0]

    @property
    def sealed_digests(self) -> tuple[bytes, ...]:
        return plaintext(self.file, self.key)[1]

    def proof(self, index: int) -> ChunkProof:
        return prove(self.file, index)

    def with_bad_chunk(self, index: int) -> "Sealed":
        """The same data, but the last bit of chunk ``index`` was flipped after sealing, and that committed to."""
        layout = read_index(self.file).layout
        content = bytearray(self.file.getvalue())
        start = layout.body_offset + index * layout.chunk_size
        end = start + layout.length(index)
        content[end - 1] ^= 1
        chunk = content[start:end]
        header = layout.body_offset - 64 * layout.count
        content[header + 64 * index + 32 : header + 64 * index + 64] = hashlib.sha256(chunk).digest()
        root = root_of(layout, bytes(content[header : layout.body_offset]))
        content[24:56] = root
        return replace(
            self, file=io.BytesIO(bytes(content)), commitment=self.commitment.model_copy(update={"data_root": root})
        )


@dataclass(frozen=True)
class Sale:
    """One sale, as far as it was agreed off chain. ``with_`` alters it and signs nothing anew."""

    terms: ModelTerms
    quote: Quote
    order: Order
    key: bytes
    oracle_signature: bytes
    seller_signature: bytes
    sealed: Sealed

    def with_(self, **changes: Any) -> "Sale":
        return replace(self, **changes)

    @property
    def order_id(self) -> bytes:
        return self.order.order_id()

    @property
    def post_arguments(self) -> tuple[Any, ...]:
        return (
            self.terms.abi_values(),
            self.quote.abi_values(),
            self.oracle_signature,
            self.order.key_hash,
            self.seller_signature,
        )
