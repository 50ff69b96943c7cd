"""Uploads: age envelopes of sealed files, as they arrive in pieces and as the oracle decrypts them."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import BinaryIO

from assay import envelope
from assay.errors import CommitmentMismatch
from assay.protocol import seal
from assay.protocol.types import OfferId
from assay_oracle.errors import (
    ChunksTooLarge,
    OfferUnknown,
    RequestInvalid,
    StorageFull,
    UploadBusy,
    UploadOffsetMismatch,
    UploadTooLarge,
)
from assay_oracle.ledger.values import Offer
from assay_oracle.services.ports import BlobStore, BlobWriter, Scratch


class Appender:
    """Appends the body of one request to one upload.

    Args:
        blob: Writes at the end of what was received.
        skip: Number of leading bytes of the body that were received before.
        room: Number of bytes that are missing of the declared length.
        make_place: Deletes something that others left unfinished; whether it found anything.
    """

    def __init__(self, blob: BlobWriter, *, skip: int, room: int, make_place: Callable[[], bool]) -> None:
        self._blob = blob
        self._skip = skip
        self._room = room
        self._make_place = make_place

    def write(self, piece: bytes) -> None:
        """Appends ``piece``; a piece that exceeds the declared length is not written.

        Raises:
            UploadTooLarge: More bytes than declared.
            StorageFull: The quota or the disk is full.
            OfferUnknown: The offer was displaced meanwhile.
        """
        skipped = min(self._skip, len(piece))
        self._skip -= skipped
        piece = piece[skipped:]
        if len(piece) > self._room:
            raise UploadTooLarge(
                f"expected at most {self._room} more bytes of this upload, got {len(piece)} or more",
                hint="an envelope is as long as the offer declared; offer again with the right length",
            )
        self._store(piece)
        self._room -= len(piece)

    def _store(self, piece: bytes) -> None:
        while True:
            try:
                self._blob.write(piece)
                return
            except StorageFull:
                if not self._make_place():
                    raise
            except FileNotFoundError:
                raise OfferUnknown(
                    "expected an open offer, this one gave way to others while its upload arrived too slowly",
                    hint="open it again by the same statement, and upload it from the start",
                ) from None


class Uploads:
    """The uploads of all offers.

    Args:
        blobs: Where they are stored, encrypted.
        scratch: Where they are decrypted.
        identity: Age identity that sellers encrypt to.
        forget: Drops decrypted data that is kept of an offer.
        alone: Keeps other daemons from an upload; gives whether none appends to it.
        max_chunk_size: Bytes of a sealed chunk, at most, in new offers.
    """

    def __init__(
        self,
        blobs: BlobStore,
        scratch: Scratch,
        identity: str,
        *,
        forget: Callable[[OfferId], None],
        alone: Callable[[str], AbstractContextManager[bool]],
        max_chunk_size: int,
    ) -> None:
        self._blobs = blobs
        self._scratch = scratch
        self._identity = identity
        self._forget = forget
        self._alone = alone
        self._max_chunk_size = max_chunk_size
        self._lock = threading.Lock()
        self._busy: set[bytes] = set()

    @property
    def recipient(self) -> str:
        """Age recipient (``age1...``) that sellers encrypt to."""
        return envelope.public_of(self._identity)

    def received(self, offer_id: OfferId) -> int:
        """Number of bytes that arrived."""
        return self._blobs.size(upload_name(offer_id))

    def is_complete(self, offer: Offer) -> bool:
        """Whether every declared byte is stored."""
        return self.received(offer.offer_id) == offer.upload_bytes

    @contextmanager
    def append(
        self, offer_id: OfferId, *, offset: int, length: int, make_place: Callable[[], bool]
    ) -> Iterator[Appender]:
        """Appends to an upload of ``length`` bytes, from ``offset``; durable when the context ends.

        Where the storage is full, ``make_place`` deletes what others left unfinished, see ``Appender``.

        Bytes that arrived before are skipped, so that a request whose answer was lost can be repeated.

        Raises:
            UploadOffsetMismatch: ``offset`` is past the end of what arrived.
            UploadBusy: Another request appends to this upload.
        """
        with self._only_request(offer_id):
            received = self.received(offer_id)
            if not 0 <= offset <= received:
                raise UploadOffsetMismatch(
                    f"expected bytes from offset {received}, got offset {offset}",
                    hint="GET the offer: received_bytes is the offset to resume from",
                )
            with self._blobs.append(upload_name(offer_id)) as blob:
                yield Appender(blob, skip=received - offset, room=length - received, make_place=make_place)

    @contextmanager
    def _only_request(self, offer_id: OfferId) -> Iterator[None]:
        """Keeps other requests from appending to an upload, in this daemon and in others.

        Raises:
            UploadBusy: One does.
        """
        with self._lock:
            if offer_id in self._busy:
                raise UploadBusy("another request is appending to this upload", hint="wait for it, then resume")
            self._busy.add(offer_id)
        try:
            with self._alone(upload_name(offer_id)) as first:
                if not first:
                    raise UploadBusy("another request is appending to this upload", hint="wait for it, then resume")
                yield
        finally:
            with self._lock:
                self._busy.discard(offer_id)

    def delete(self, offer_id: OfferId) -> None:
        """Deletes an upload, and what is kept of it decrypted; does nothing if there is neither."""
        self._blobs.delete(upload_name(offer_id))
        self._forget(offer_id)

    # --- decrypting ---------------------------------------------------------------------------------------------------

    def sealing_key(self, sealed_key: str) -> bytes:
        """The sealing key of an offer, 32 bytes, out of its envelope.

        Raises:
            EnvelopeInvalid: The envelope is not for this oracle.
            RequestInvalid: It does not hold a sealing key.
        """
        key = envelope.unwrap_key(self._identity, sealed_key)
        if len(key) != seal.KEY_BYTES:
            raise RequestInvalid(
                f"expected a sealing key of {seal.KEY_BYTES} bytes in its envelope, got {len(key)}",
                hint="encrypt the key that the data was sealed with",
            )
        return key

    @contextmanager
    def sealed(self, offer_id: OfferId) -> Iterator[BinaryIO]:
        """The sealed file of an upload, out of its envelope.

        Raises:
            FileNotFoundError: There is no upload.
            EnvelopeInvalid: It is no envelope for this oracle.
        """
        with self._scratch() as sealed:
            with self._blobs.open(upload_name(offer_id)) as upload:
                envelope.decrypt_with(self._identity, upload, sealed)
            sealed.seek(0)
            yield sealed

    @contextmanager
    def plaintext(self, offer: Offer, *, new: bool = False) -> Iterator[BinaryIO]:
        """The data of an offer, decrypted; every chunk was checked against the offer's root.

        Raises:
            FileNotFoundError: There is no upload.
            ChunksTooLarge: The offer is ``new``, and a dispute about it would cost more than models allow.
            AssayError: Envelope, sealed file or key are not what the offer commits to.
        """
        with self.sealed(offer.offer_id) as sealed:
            index = seal.read_index(sealed)
            if new and index.layout.chunk_size > self._max_chunk_size:
                raise ChunksTooLarge(
                    f"expected chunks of at most {self._max_chunk_size} bytes, got {index.layout.chunk_size}",
                    hint="seal the data again in smaller chunks: no evaluation was used",
                )
            root = index.data_root
            if root != offer.data_root:
                raise CommitmentMismatch(
                    f"expected the sealed file with root 0x{offer.data_root.hex()}, got one with 0x{root.hex()}",
                    hint="upload the file that the offer commits to",
                )
            with self._scratch() as plain:
                seal.open_sealed(sealed, self.sealing_key(offer.sealed_key), plain)
                plain.seek(0)
                yield plain


def upload_name(offer_id: OfferId) -> str:
    """Name of the blob that holds an offer's upload."""
    return f"uploads/{offer_id.hex()}.age"
