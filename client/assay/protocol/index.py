"""The index of a sealed file: read batch by batch, and compared with the root whenever it is read.

``docs/protocol.md`` has the format. In memory are the nodes over the batches alone: 32 bytes for a MiB of data.
"""

import os
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import BinaryIO

from assay.errors import CommitmentMismatch, NotSealedData, SealedDataTruncated
from assay.protocol.batch import ENTRY_BYTES
from assay.protocol.batches import in_order
from assay.protocol.tree import (
    BATCH_BYTES,
    HEADER_BYTES,
    NODE_BYTES,
    Commitment,
    Layout,
    batch_node,
    leaves_of,
    root_over,
    sha256,
    siblings,
)

MAGIC = b"ASSAYSD1"
_AT_A_TIME = 16
"""Batches of the index that a thread takes at a time: one alone costs less than a change of threads."""
_HEADER = struct.Struct(">8s I I Q 32s Q")


@dataclass(frozen=True)
class Index:
    """The part of a sealed file in front of the chunks, found to match the root that it carries.

    ``nodes`` are the nodes of the tree over its batches. ``sealed`` is the file, which must stay open for what reads
    entries: they are compared with ``nodes`` again, because the file may have changed since.
    """

    layout: Layout
    data_root: bytes
    nodes: bytes
    sealed: BinaryIO
    _recent: dict[int, bytes] = field(default_factory=dict, init=False, repr=False, compare=False)
    """Entries of the batch that was asked for last: chunks are mostly asked for in order."""

    @property
    def commitment(self) -> Commitment:
        """The commitment alone."""
        return Commitment(
            total_bytes=self.layout.total_bytes, chunk_size=self.layout.chunk_size, data_root=self.data_root
        )

    def check_root(self, data_root: bytes) -> None:
        """Verifies that the file is the one that an order commits to.

        Raises:
            CommitmentMismatch: It has another root than ``data_root``.
        """
        if self.data_root != data_root:
            raise CommitmentMismatch(f"expected root 0x{data_root.hex()}, got 0x{self.data_root.hex()}")

    def node(self, number: int) -> bytes:
        """Node over batch ``number``."""
        return self.nodes[number * NODE_BYTES : (number + 1) * NODE_BYTES]

    def entries(self, number: int) -> bytes:
        """Entries of batch ``number``: for each chunk, SHA-256 of its plaintext and of its ciphertext.

        Raises:
            CommitmentMismatch: The file changed since the index was read.
        """
        found = read_entries(self.sealed, self.layout, number)
        self.check_entries(number, found)
        return found

    def check_entries(self, number: int, entries: bytes) -> None:
        """Verifies ``entries`` of batch ``number``, which the file had when they were read; raises as ``entries``."""
        if batch_node(self.layout, number, entries) != self.node(number):
            raise CommitmentMismatch(f"the index changed while it was read: root 0x{self.data_root.hex()}")

    def plain_digest(self, index: int) -> bytes:
        """Committed SHA-256 of chunk ``index`` in plaintext; raises as ``entries``."""
        return self._entry(index)[:32]

    def sealed_digest(self, index: int) -> bytes:
        """Committed SHA-256 of chunk ``index`` in ciphertext; raises as ``entries``."""
        return self._entry(index)[32:]

    def verify_sealed_chunk(self, index: int, chunk: bytes) -> bool:
        """Whether ``chunk`` is the committed ciphertext of chunk ``index``; for downloads that resume."""
        return sha256(chunk) == self.sealed_digest(index)

    def path(self, index: int) -> tuple[bytes, ...]:
        """Siblings on the way from leaf ``index`` to the top of the tree, lowest first; raises as ``entries``."""
        number = self._batch_of(index)
        first = self.layout.batch(number).first
        return siblings(leaves_of(self.layout, first, self.entries(number)), index - first) + siblings(
            self.nodes, number
        )

    def _batch_of(self, index: int) -> int:
        return index * self.layout.chunk_size // BATCH_BYTES

    def _entry(self, index: int) -> bytes:
        number = self._batch_of(index)
        entries = self._recent.get(number)
        if entries is None:
            entries = self.entries(number)
            self._recent.clear()
            self._recent[number] = entries
        start = (index - self.layout.batch(number).first) * ENTRY_BYTES
        return entries[start : start + ENTRY_BYTES]


def header_of(commitment: Commitment) -> bytes:
    """The 64 bytes that a sealed file begins with."""
    return _HEADER.pack(MAGIC, commitment.chunk_size, 0, commitment.total_bytes, commitment.data_root, 0)


def read_entries(sealed: BinaryIO, layout: Layout, number: int) -> bytes:
    """Entries of batch ``number`` as the file has them; fewer if it ends before."""
    batch = layout.batch(number)
    sealed.seek(batch.entries_offset)
    return sealed.read(batch.count * ENTRY_BYTES)


def parse_header(header: bytes) -> tuple[Layout, bytes]:
    """Layout and root in the first 64 bytes of a sealed file.

    Raises:
        NotSealedData: They are those of no sealed file, or of one with an impossible layout.
        SealedDataTruncated: There are fewer.
    """
    if not header.startswith(MAGIC):
        raise NotSealedData(f"expected a sealed file that starts with {MAGIC!r}, got {header[:8]!r}")
    if len(header) < HEADER_BYTES:
        raise SealedDataTruncated(f"expected a header of {HEADER_BYTES} bytes, got {len(header)}")
    _, chunk_size, first_gap, total_bytes, root, second_gap = _HEADER.unpack(header)
    if first_gap or second_gap:
        raise NotSealedData("expected zeros in the gaps of the header, got something else")
    return Layout(total_bytes, chunk_size), root


def read_header(sealed: BinaryIO) -> tuple[Layout, bytes]:
    """Layout and root in the header of ``sealed``.

    Raises:
        SealedDataTruncated: The index behind it is incomplete. Also the errors of ``parse_header``.
    """
    sealed.seek(0)
    layout, root = parse_header(sealed.read(HEADER_BYTES))
    sealed.seek(0, os.SEEK_END)
    if sealed.tell() < layout.body_offset:
        raise SealedDataTruncated(f"expected an index that ends at byte {layout.body_offset}, got {sealed.tell()}")
    return layout, root


def read_index(sealed: BinaryIO, *, nodes: bytes | None = None) -> Index:
    """Reads header and index from the start of ``sealed`` and checks them against the root in the header.

    With the ``nodes`` of an index that was read before, the entries are compared with them only when they are used.

    Raises:
        CommitmentMismatch: The index, or ``nodes``, are not what the root commits to. Also the errors of
            ``read_header``.
    """
    layout, root = read_header(sealed)
    if nodes is None:
        nodes = b"".join(in_order(_node_calls(sealed, layout), -(-len(layout.batches) // _AT_A_TIME)))
    if len(nodes) != len(layout.batches) * NODE_BYTES or root_over(layout, nodes) != root:
        raise CommitmentMismatch(f"the index is not the one that root 0x{root.hex()} commits to")
    return Index(layout, root, nodes, sealed)


def _node_calls(sealed: BinaryIO, layout: Layout) -> Iterator[Callable[[], bytes]]:
    for start in range(0, len(layout.batches), _AT_A_TIME):
        numbers = layout.batches[start : start + _AT_A_TIME]
        yield partial(_nodes_of, layout, numbers, [read_entries(sealed, layout, number) for number in numbers])


def _nodes_of(layout: Layout, numbers: range, entries: list[bytes]) -> bytes:
    return b"".join(batch_node(layout, number, found) for number, found in zip(numbers, entries, strict=True))
