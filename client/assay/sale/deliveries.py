"""The oracle as a buyer asks it: for a bounded time in a poll, and no more in a poll in which it does not answer."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from assay.errors import AssayError, OracleError, OracleMisbehaved, OracleRefused, OracleUnreachable, SealError
from assay.files import private_file, whole_file, write_whole
from assay.oracle.api import DOWNLOAD_SECONDS, OracleClient
from assay.oracle.downloads import DEFAULT_STREAMS, forget_spans
from assay.protocol import seal
from assay.protocol.evidence import DeliveryEvidence
from assay.protocol.messages import OrderRecord
from assay.protocol.structs import Order
from assay.protocol.types import ModelId
from assay.sale.arrival import Arrival, Damaged, NoMoreNeeded
from assay.sale.members.order_records import OrderRecords
from assay.sale.purchase import PurchaseFiles

POLL_SECONDS = 900
"""Seconds after which a poll leaves the rest to the next one: a quarter of the shortest window to dispute."""

ShowProgress = Callable[[str, int], AbstractContextManager[seal.Progress]]
"""Takes a task's name and its total bytes; yields a function that takes the bytes done since its last call."""

T = TypeVar("T")


@contextmanager
def no_progress(_: str, __: int) -> Iterator[seal.Progress]:
    """Shows nothing."""
    yield lambda _: None


class Deliveries:
    """What the oracle has for a buyer, whose sealed files it keeps in ``files``.

    Args:
        records: What the oracle, or the members of a committee, hold for orders. They deliver the sealed files.
        identity: Age identity of the delivery key.
        files: Where downloads go.
        progress: Shows the progress of downloads.
        streams: Requests of a download that are under way at a time.
    """

    def __init__(
        self,
        records: OrderRecords,
        identity: str,
        files: PurchaseFiles,
        progress: ShowProgress,
        *,
        streams: int = DEFAULT_STREAMS,
    ) -> None:
        self._records = records
        self._streams = streams
        self._identity = identity
        self._files = files
        self._progress = progress
        self._chunk_sizes: dict[ModelId, int] = {}
        self.begin()

    def begin(self) -> None:
        """Begins a poll: the time of the last one, and the oracle's silence in it, count no more."""
        self._until = time.monotonic() + POLL_SECONDS
        self._silence: OracleUnreachable | None = None

    @property
    def by_committee(self) -> bool:
        """Whether several daemons deliver: the buyer then settles itself."""
        return len(self._records.members) > 1

    @property
    def seconds_left(self) -> float:
        """Seconds of this poll that are left; 0 or less if it is over."""
        return self._until - time.monotonic()

    def record(self, order: Order) -> OrderRecord:
        """What the oracle holds for an order.

        Raises:
            OracleUnreachable: It does not answer, did not answer in this poll before, or the poll is over.
        """
        return self._asked(lambda: self._records.record(order))

    def put_receipt(self, order: Order, signature: bytes) -> None:
        """Stores the buyer's receipt; raises as ``record``."""
        self._asked(lambda: self._records.put_receipt(order, signature))

    def put_acknowledgement(self, order: Order, signature: bytes) -> None:
        """Stores the buyer's acknowledgement, with which the oracle settles; raises as ``record``."""
        self._asked(lambda: self._records.put_acknowledgement(order, signature))

    def check_chunk_size(self, order: Order, sealed: Path) -> None:
        """Verifies that a dispute with a sealed file costs no more gas than its model permits.

        Raises:
            OracleMisbehaved: The oracle took larger chunks than it says that the model takes.
        """
        most = self._most_chunk_size(order.model_id)
        with sealed.open("rb") as source:
            size = seal.read_index(source).layout.chunk_size
        if size > most:
            raise OracleMisbehaved(
                f"expected a file in chunks of at most {most} bytes, the oracle took one in chunks of {size}",
                hint="a dispute costs more gas; a receipt, which lets the seller reveal the key, is not signed",
            )

    def _most_chunk_size(self, model_id: ModelId) -> int:
        """Bytes of a sealed chunk that the model takes; the usual size if the oracle no longer prices for it."""
        if model_id not in self._chunk_sizes:
            try:
                found = self._asked(lambda: self._records.max_chunk_size(model_id))
            except OracleRefused:
                return seal.DEFAULT_CHUNK_SIZE
            self._chunk_sizes[model_id] = found
        return self._chunk_sizes[model_id]

    def _asked(self, ask: Callable[[], T]) -> T:
        """The answer to a request that an oracle which is there answers at once, unlike a download."""
        if self._silence:
            raise self._silence
        if self.seconds_left <= 0:
            raise OracleUnreachable(
                f"the {POLL_SECONDS} s of this poll for the oracle are over", hint="the next poll continues"
            )
        try:
            return ask()
        except OracleUnreachable as error:
            self._silence = error
            raise

    def fetch(self, order: Order, sealed: Path) -> None:
        """Downloads the sealed file of an order to ``sealed``, unless it exists, and checks every chunk as it comes.

        What is damaged is asked for again, once. A sealed chunk that is then still another than the committed one is
        kept as evidence.

        Raises:
            OracleMisbehaved: The oracle delivers something else than the order commits to.
            UsageError: Another process is writing files of purchases.
        """
        if sealed.exists():
            return
        with self._files.alone():
            if sealed.exists():
                return
            self._fetch_from_any(order, sealed)

    def _fetch_from_any(self, order: Order, sealed: Path) -> None:
        """Downloads from the first daemon that delivers; each of a committee has its share of the time that is left.

        Each encrypts anew, so that what came of one does not continue what came of another.
        """
        left = list(self._records.members)
        while not sealed.exists():
            member = left.pop(0)
            share = self.seconds_left / (len(left) + 1)
            suffix = f".{len(left)}.age" if self.by_committee else ".age"
            try:
                self._fetch_from(member, order, self._files.path(order, suffix), sealed, share)
            except OracleError:
                if not left:
                    raise

    def _fetch_from(self, member: OracleClient, order: Order, enveloped: Path, sealed: Path, seconds: float) -> None:
        asked_again, end = -1, time.monotonic() + seconds
        while not sealed.exists():
            try:
                self._receive(member, order, enveloped, sealed, end - time.monotonic())
            except Damaged as damage:
                is_readable = damage.keep > 0 or damage.chunk is not None
                if not is_readable or damage.keep <= asked_again:
                    raise self._refused(enveloped, damage.error, self._keep(member, order, damage)) from None
                asked_again = damage.keep
                os.truncate(enveloped, damage.keep)
            except SealError as error:
                raise self._refused(enveloped, error) from None
        enveloped.unlink()

    def _receive(self, member: OracleClient, order: Order, enveloped: Path, sealed: Path, seconds: float) -> None:
        """Downloads what ``enveloped`` lacks, for as many seconds, and verifies all of it meanwhile.

        Raises:
            Damaged: A part of it is not what it should be.
            SealError: It is another file.
        """
        private_file(enveloped, "ab").close()
        with (
            whole_file(sealed) as target,
            Arrival(self._identity, enveloped, target, order.data_root) as arrival,
            self._progress("downloading", self.record(order).sealed_bytes) as done,
        ):
            with suppress(NoMoreNeeded):
                member.download(
                    order.order_id(),
                    enveloped,
                    within=min(DOWNLOAD_SECONDS, seconds),
                    streams=self._streams,
                    progress=done,
                    received=arrival.grown,
                )
            arrival.wait()

    def _keep(self, member: OracleClient, order: Order, damage: Damaged) -> Path | None:
        """Keeps what shows that a sealed chunk is another one; the path, if it was one."""
        if damage.chunk is None:
            return None
        evidence = DeliveryEvidence(
            oracle_url=member.url, order=order, proof=damage.chunk, sealed_digest=damage.committed
        )
        path = self._files.path(order, ".delivered.json")
        write_whole(path, evidence.model_dump_json(indent=2).encode())
        return path

    def _refused(self, enveloped: Path, error: AssayError, evidence: Path | None = None) -> OracleMisbehaved:
        enveloped.unlink()
        forget_spans(enveloped)
        shown = f"{evidence} shows it to anyone (DeliveryEvidence.shows_another_chunk); " if evidence else ""
        return OracleMisbehaved(
            f"the sealed file is not the one that the order commits to: {error.message}",
            hint=f"{shown}run the same command again to download it again",
        )
