"""The data owner's record of offers: one folder each, with the sealing key in it before a byte is sent.

    <home>/offers/<sealed data's root>/record.json   where the sale stands
                                       key           32 bytes, hex
                                       data.sealed   the sealed file
                                       upload*.age   its envelope for the oracle, for each member of a committee
                                       proof.json    the proof of its price, where the seller asks for one

A key that is lost after a quote is a lost sale, because the one-time rule forbids a second evaluation. So the key is on
disk first, and a folder is complete or absent. A sealing that is under way has a folder with another name, ``.*.part``,
which the same command resumes.
"""

import hashlib
import json
import secrets
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from typing import Any

from pydantic import ValidationError, model_validator

from assay.errors import KeyReused, StoreError
from assay.files import exclusive, private_folder, sync_folder, write_whole
from assay.protocol import seal
from assay.protocol.messages import BlindQuote
from assay.protocol.structs import Quote
from assay.protocol.tree import Commitment
from assay.protocol.types import Address, Bytes32, ModelId, ModelIdField, OfferIdField, Signature, Value
from assay.resumable import forget_finished
from assay.sealed_files import seal_file

ENDED = ("declined", "paid", "disputed", "refunded")
"""Outcomes after the one evaluation: another offer of the same file would be refused."""


class OfferRecord(Value):
    """One offer of one data set to one model.

    ``source_digest`` is SHA-256 of the unsealed file; ``failures`` counts transactions that were mined and failed.
    ``accepted_until`` is the latest expiry, in unix time, of the quotes that were accepted. ``is_public`` is set once a
    transaction with the key, or with the data, was sent. ``outcome`` is a note: see ``release.is_borne_out``.
    """

    source: str
    source_digest: Bytes32
    oracle_url: str
    model_id: ModelIdField
    seller: Address
    data_root: Bytes32
    nonce: Bytes32
    offer_id: OfferIdField | None = None
    blind_quote: BlindQuote | None = None
    blind_signature: Signature | None = None
    quote: Quote | None = None
    oracle_signature: Signature | None = None
    key_hash: Bytes32 | None = None
    acceptance: Signature | None = None
    accepted_until: int = 0
    failures: int = 0
    is_public: bool = False
    outcome: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _drop_former_fields(cls, values: Any) -> Any:
        """Reads records of versions in which the oracle handed the key over before the payment."""
        if not isinstance(values, dict):
            return values
        return {name: value for name, value in values.items() if name != "handed_over"}


def digest_of(source: Path) -> bytes:
    """SHA-256 of a file."""
    with source.open("rb") as data:
        return hashlib.file_digest(data, "sha256").digest()


class OfferStore:
    """Offers under ``home``, which is made if it does not exist.

    ``report`` receives, in a sentence, which record cannot be read.
    """

    def __init__(self, home: Path, *, report: Callable[[str], None] = lambda _: None) -> None:
        self._report = report
        self._folder = home / "offers"
        private_folder(self._folder)

    def create(
        self,
        source: Path,
        *,
        oracle_url: str,
        model_id: ModelId,
        seller: str,
        chunk_size: int = seal.DEFAULT_CHUNK_SIZE,
        progress: seal.Progress | None = None,
    ) -> OfferRecord:
        """Seals ``source`` under a fresh key and records the offer. All of it is on disk when this returns.

        An interrupted call is resumed by the same call.

        Raises:
            UsageError: Another command is sealing the same file for the same model.
        """
        names = (str(source.resolve()), oracle_url, model_id.hex(), seller, str(chunk_size))
        aside = self._folder / f".{hashlib.sha256(json.dumps(names).encode()).hexdigest()[:16]}.part"
        private_folder(aside)
        digest, sealed = hashlib.sha256(), aside / "data.sealed"

        def write_record(commitment: Commitment) -> None:
            record = OfferRecord(
                source=names[0],
                source_digest=digest.digest(),
                oracle_url=oracle_url,
                model_id=model_id,
                seller=seller,
                data_root=commitment.data_root,
                nonce=secrets.token_bytes(32),
            )
            write_whole(aside / "record.json", record.model_dump_json(indent=2).encode())

        if sealed.exists() and self._read(aside).source_digest != digest_of(source):
            shutil.rmtree(aside)  # a crash left it, and the file changed since
            private_folder(aside)
        if not sealed.exists():
            try:
                seal_file(
                    source,
                    sealed,
                    aside / "key",
                    chunk_size,
                    lambda _, __: nullcontext(progress or (lambda _: None)),
                    digest=digest,
                    sealed=write_record,
                )
            except BaseException:
                with suppress(OSError):
                    aside.rmdir()  # which fails if there is something to resume
                raise
        forget_finished(sealed)
        record = self._read(aside)
        aside.rename(self._of(record.data_root))
        sync_folder(self._folder)
        return record

    def find(self, source: Path, *, model_id: ModelId, seller: str, ended: bool = False) -> OfferRecord | None:
        """The unfinished offer of this file to this model, if any; with ``ended``, one that ended after its price."""
        for record in self.of(source, model_id=model_id, seller=seller):
            if record.outcome in ENDED if ended else record.outcome is None:
                return record
        return None

    def of(self, source: Path, *, model_id: ModelId, seller: str) -> list[OfferRecord]:
        """All offers of this file to this model: those that were accepted first, which money depends on."""
        found = [record for record in self.all() if (record.model_id, record.seller) == (model_id, seller)]
        if found:
            digest = digest_of(source)
            found = [record for record in found if record.source_digest == digest]
        return sorted(found, key=lambda record: record.acceptance is None)

    def all(self) -> list[OfferRecord]:
        """All offers, by the time of their folders. One whose record cannot be read is reported, and hides no other."""
        folders = [folder for folder in self._folder.iterdir() if not folder.name.startswith(".")]
        found = []
        for folder in sorted(folders, key=lambda folder: folder.stat().st_ctime):
            try:
                found.append(self._read(folder))
            except StoreError as error:
                self._report(f"warning: {error.message}; {error.hint}")
        return found

    def load(self, data_root: bytes) -> OfferRecord:
        """The offer of the sealed data with this root, as it stands."""
        return self._read(self._of(data_root))

    def save(self, record: OfferRecord) -> OfferRecord:
        """Replaces the stored state of an offer.

        Raises:
            KeyReused: The record would bind its key to a second order, or to another model's.
        """
        with self._locked():
            return self._replace(self.load(record.data_root), record)

    def update(self, record: OfferRecord, **changes: Any) -> OfferRecord:
        """Replaces fields of an offer in its stored state, which another process may have changed meanwhile.

        Raises:
            KeyReused: As ``save``.
        """
        with self._locked():
            stored = self.load(record.data_root)
            return self._replace(stored, stored.model_copy(update=changes))

    def _replace(self, stored: OfferRecord, record: OfferRecord) -> OfferRecord:
        """Writes ``record`` over ``stored``; the key of an offer serves one seller, one model, one order."""
        if (stored.model_id, stored.seller, stored.nonce) != (record.model_id, record.seller, record.nonce):
            raise KeyReused(
                f"the key of offer {record.data_root.hex()} was made for model 0x{stored.model_id.hex()} alone",
                hint="prepare the file for the other model: it is sealed again, under a fresh key",
            )
        if stored.key_hash is not None and record.key_hash != stored.key_hash:
            raise KeyReused(
                f"the key of offer {record.data_root.hex()} is bound to another order",
                hint="offer the data again under a fresh seal",
            )
        write_whole(self._of(record.data_root) / "record.json", record.model_dump_json(indent=2).encode())
        return record

    def _locked(self) -> AbstractContextManager[None]:
        """Keeps other processes from writing between what is read here and what is written."""
        return exclusive(self._folder.with_name(".offers.lock"))

    def enveloping(self) -> AbstractContextManager[None]:
        """Keeps other processes from writing envelopes. What is urgent needs none, and does not wait for it."""
        return exclusive(self._folder.with_name(".uploads.lock"))

    def key(self, record: OfferRecord) -> bytes:
        """The sealing key of an offer: 32 bytes.

        Raises:
            StoreError: The key is missing or damaged.
        """
        path = self._of(record.data_root) / "key"
        try:
            key = bytes.fromhex(path.read_text())
        except (OSError, ValueError):
            key = b""
        if len(key) != seal.KEY_BYTES:
            raise StoreError(
                f"expected a key of {seal.KEY_BYTES} bytes in hex at {path}, got something else",
                hint="restore it from a copy: without it the data cannot be sold",
            )
        return key

    def sealed(self, record: OfferRecord) -> Path:
        """The sealed file of an offer."""
        return self._of(record.data_root) / "data.sealed"

    def upload(self, record: OfferRecord, recipient: str | None = None) -> Path:
        """Path of the sealed file's envelope for the oracle, or for the member of a committee with this recipient."""
        member = f"-{hashlib.sha256(recipient.encode()).hexdigest()[:16]}" if recipient else ""
        return self._of(record.data_root) / f"upload{member}.age"

    def proof(self, record: OfferRecord) -> Path:
        """Path of the proof of an offer's price."""
        return self._of(record.data_root) / "proof.json"

    def _of(self, data_root: bytes) -> Path:
        return self._folder / data_root.hex()

    def _read(self, folder: Path) -> OfferRecord:
        try:
            return OfferRecord.model_validate_json((folder / "record.json").read_bytes())
        except (OSError, ValidationError) as error:
            raise StoreError(
                f"the record of the offer in {folder} cannot be read: {error}",
                hint="restore the folder from a copy, or move it away if its sale has ended",
            ) from None
