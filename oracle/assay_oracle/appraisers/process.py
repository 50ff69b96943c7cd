"""Prices in a process of its own, which can be ended: the daemon answers meanwhile, and survives what a file does.

The process reads strangers' files: its answers are checked before anything is done with them, and one that is not of
the protocol's form ends it.
"""

import hashlib
import logging
import re
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

from pydantic import BaseModel, Field, ValidationError

from assay.errors import AssayError
from assay.protocol.types import OfferId
from assay_oracle.appraisers.wire import Channel, ChannelClosed, Message
from assay_oracle.errors import INTERRUPTED, DataRefused, PricingCutShort
from assay_oracle.log import about
from assay_oracle.services.appraiser import ContextOffer, FunctionInfo, OfferAppraisal
from assay_oracle.settings import WALL_FACTOR
from assay_pricing.records.bounds import MAX_RECORDS

START_SECONDS = 600
"""Time that the process may take to start and import what it needs."""
_HASH_BYTES = 32
_MAX_TEXT = 2000
_MAX_REASONS = 256
_CODE = re.compile(r"[a-z][a-z_]{0,63}")

log = logging.getLogger(__name__)


class PricingProcess:
    """One process for all models, started at the first offer and again after it was ended.

    Args:
        command: Program and arguments, see ``worker``. The folders of the artifacts that it may read are added.
        environment: Its environment variables: without secrets.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self._command = tuple(command)
        self._environment = dict(environment)
        self._lock = threading.Lock()
        self._running: subprocess.Popen[bytes] | None = None
        self._channel: Channel | None = None
        self._forgotten: deque[OfferId] = deque()
        self._closed = False
        self._artifacts: dict[str, None] = {}
        self._readable: tuple[str, ...] = ()

    def admit(self, artifact: str) -> None:
        """Lets the process read the artifact in a folder. One that runs without it is started again for it."""
        self._artifacts[artifact] = None

    @contextmanager
    def exchange(self, seconds: float, artifact: str | None = None) -> Iterator[Channel]:
        """The channel, for one request and its answers.

        Args:
            seconds: CPU time after which the process ends itself; after ``WALL_FACTOR`` times that it is ended.
            artifact: Folder of the price function that the process must be able to read.

        Raises:
            PricingCutShort: The process ended before the context did.
            OSError: It does not start, which is no fault of the data.
        """
        with self._lock:
            late = threading.Event()
            try:
                channel = self._begun(late, artifact)
                with self._watched(seconds * WALL_FACTOR, late):
                    self._send_forgotten(channel)
                    yield channel
            except ChannelClosed:
                code = self._end()
                raise _cut_short(seconds, code, late=late.is_set(), closed=self._closed) from None
            except AssayError:
                raise  # a refusal: the process waits for the next request
            except BaseException:
                self._end()  # in the middle of an exchange: the next request needs a new process
                raise

    def _begun(self, late: threading.Event, artifact: str | None) -> Channel:
        try:
            with self._watched(START_SECONDS, late):
                return self._started(artifact)
        except ChannelClosed:
            if self._closed:
                raise
            code = self._end()
            raise OSError(f"expected a pricing process that starts, it ended with status {code}: see its log") from None

    @contextmanager
    def _watched(self, seconds: float, late: threading.Event) -> Iterator[None]:
        """Ends the process, and sets ``late``, if the context takes longer."""
        timer = threading.Timer(seconds, self._kill_late, [late])
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def forget(self, offer_id: OfferId) -> None:
        """Makes the process drop the records of an offer: now, or before its next request if it is busy."""
        self._forgotten.append(offer_id)
        if self._lock.acquire(blocking=False):
            try:
                if self._channel is not None:
                    self._send_forgotten(self._channel)
                else:
                    self._forgotten.clear()
            except ChannelClosed:
                self._end()
            finally:
                self._lock.release()

    def close(self) -> None:
        """Ends the process. A request in progress raises ``PricingCutShort``, and counts as no attempt."""
        self._closed = True
        running = self._running
        if running is not None:
            running.kill()

    def _started(self, artifact: str | None) -> Channel:
        is_readable = artifact is None or artifact in self._readable
        if self._channel is None or self._running is None or self._running.poll() is not None or not is_readable:
            self._end()
            self._readable = tuple(self._artifacts)
            command = (*self._command, *self._readable)
            self._running = subprocess.Popen(  # noqa: S603
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=self._environment, bufsize=-1
            )
            self._channel = Channel(cast(BinaryIO, self._running.stdout), cast(BinaryIO, self._running.stdin))
            self._forgotten.clear()
            self._channel.receive()  # it is ready
        return self._channel

    def _send_forgotten(self, channel: Channel) -> None:
        while self._forgotten:
            channel.send("forget", offer=self._forgotten.popleft().hex())

    def _kill_late(self, late: threading.Event) -> None:
        late.set()
        if self._running is not None:
            self._running.kill()

    def _end(self) -> int | None:
        """Ends the process if it runs; its exit status."""
        running, self._running, self._channel = self._running, None, None
        if running is None:
            return None
        for pipe in (running.stdin, running.stdout):
            with suppress(OSError):  # what was not sent is of no use any more
                cast(BinaryIO, pipe).close()
        try:
            return running.wait(1)
        except subprocess.TimeoutExpired:
            running.kill()
            return running.wait()


def _cut_short(seconds: float, code: int | None, *, late: bool, closed: bool) -> PricingCutShort:
    if closed:
        return PricingCutShort(INTERRUPTED, "the oracle is stopping")
    if late or code == -signal.SIGXCPU:
        return PricingCutShort("pricing_timed_out", f"pricing takes more than {seconds:.0f} seconds of computing")
    return PricingCutShort("pricing_failed", f"the pricing process ended with status {code}")


@dataclass(frozen=True)
class ProcessAppraiser:
    """The ``Appraiser`` of one artifact, in the pricing process.

    Attributes:
        info: The price function of the artifact.
        artifact: Its folder, which the process loads it from.
        process: Shared by the appraisers of all models.
    """

    info: FunctionInfo
    artifact: str
    process: PricingProcess

    def __post_init__(self) -> None:
        self.process.admit(self.artifact)

    def open(self, offer_id: OfferId, source: BinaryIO, *, seconds: float) -> "ProcessOffer":
        """See ``Appraiser.open``."""
        with self.process.exchange(seconds, self.artifact) as channel:
            channel.send("open", **self._request(offer_id, seconds))
            channel.send_data(source)
            hashes = _hashes(_checked(channel.receive(), "opened").blob)
        return ProcessOffer(self.process, hashes, seconds)

    def keep(self, offer: ContextOffer, *, seconds: float) -> None:
        """See ``Appraiser.keep``."""
        with self.process.exchange(seconds, self.artifact) as channel:
            channel.send("keep", **self._request(offer.offer_id, seconds))
            _checked(_answer(channel, {offer.offer_id.hex(): offer}), "kept")

    def _request(self, offer_id: OfferId, seconds: float) -> dict[str, Any]:
        function = self.info.hash.hex()
        return {"artifact": self.artifact, "function": function, "offer": offer_id.hex(), "seconds": seconds}

    def forget(self, offer_id: OfferId) -> None:
        """See ``Appraiser.forget``."""
        self.process.forget(offer_id)


class ProcessOffer:
    """The ``OpenedOffer`` of a ``ProcessAppraiser``."""

    def __init__(self, process: PricingProcess, hashes: Sequence[bytes], seconds: float) -> None:
        self._process = process
        self._hashes = hashes
        self._seconds = seconds

    def hashes(self) -> Sequence[bytes]:
        """See ``OpenedOffer.hashes``."""
        return self._hashes

    def appraise(
        self, *, known: frozenset[bytes], own: Sequence[ContextOffer], sold: Sequence[ContextOffer]
    ) -> OfferAppraisal:
        """See ``OpenedOffer.appraise``."""
        context = {offer.offer_id.hex(): offer for offer in (*own, *sold)}
        with self._process.exchange(self._seconds) as channel:
            listed = {name: [_named(offer) for offer in offers] for name, offers in (("own", own), ("sold", sold))}
            channel.send("appraise", b"".join(sorted(known)), seconds=self._seconds, **listed)
            return _appraisal(_checked(_answer(channel, context), "appraisal"))


class _Appraised(BaseModel):
    """Fields of the answer to ``appraise``."""

    price: int = Field(ge=0)
    records: int = Field(ge=1, le=MAX_RECORDS)
    priced: int = Field(ge=0, le=MAX_RECORDS)
    fidelity: float = Field(ge=0, le=1)
    reasons: list[str]


def _appraisal(answer: Message) -> OfferAppraisal:
    """The appraisal in an answer.

    Raises:
        ChannelClosed: It is none.
    """
    try:
        found = _Appraised.model_validate(answer.fields)
    except ValidationError:
        raise ChannelClosed from None
    return OfferAppraisal(
        price=found.price,
        records=found.records,
        priced=found.priced,
        fidelity=found.fidelity,
        reasons=tuple(_text(reason) for reason in found.reasons[:_MAX_REASONS]),
        document=answer.blob,
        digest=hashlib.sha256(answer.blob).digest(),
    )


def _hashes(blob: bytes) -> list[bytes]:
    """The distinct hashes of an offer's records.

    Raises:
        ChannelClosed: The bytes are no such hashes, or more than an offer may have records.
    """
    hashes = [blob[at : at + _HASH_BYTES] for at in range(0, len(blob), _HASH_BYTES)]
    if not 0 < len(hashes) <= MAX_RECORDS or len(blob) % _HASH_BYTES or len(set(hashes)) < len(hashes):
        raise ChannelClosed
    return hashes


def _named(offer: ContextOffer) -> dict[str, object]:
    return {"id": offer.offer_id.hex(), "rows": offer.rows}


def _answer(channel: Channel, context: Mapping[str, ContextOffer]) -> Message:
    """The answer to a request, before which the process may ask for the data of the offers in ``context``.

    Raises:
        ChannelClosed: It asks for another.
    """
    while (answer := channel.receive()).kind == "need":
        needed = context.get(str(answer.fields.get("offer")))
        if needed is None:
            raise ChannelClosed
        _send(channel, needed)
    return answer


def _send(channel: Channel, offer: ContextOffer) -> None:
    """Sends the data of a context offer, or that its upload is damaged."""
    try:
        with offer.open() as source:
            channel.send("data")
            channel.send_data(source)
    except AssayError as error:
        log.error("priced without a damaged offer", extra=about(offer=offer.offer_id, cause=str(error)))
        channel.send("damaged")


def _checked(answer: Message, kind: str) -> Message:
    """An answer of the expected ``kind``.

    Raises:
        DataRefused: The data cannot be priced.
        OSError: The artifact cannot be loaded, which is no fault of the data.
        ChannelClosed: It is no answer to the request.
    """
    fields = answer.fields
    if answer.kind == "refused":
        code, hint = str(fields.get("code", "")), fields.get("hint")
        known = code if _CODE.fullmatch(code) else "data_error"
        raise DataRefused(known, _text(fields.get("message")), hint=_text(hint) if hint else None)
    if answer.kind == "unable":
        raise OSError(f"the pricing process cannot load a price function: {_text(fields.get('message'))}")
    if answer.kind != kind:
        raise ChannelClosed
    return answer


def _text(value: Any) -> str:
    """A shortened text in UTF-8: JSON can spell a lone surrogate, which neither the ledger nor HTTP can hold."""
    return str(value)[:_MAX_TEXT].encode(errors="backslashreplace").decode()
