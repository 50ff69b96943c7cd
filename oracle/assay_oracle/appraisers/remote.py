"""Prices in other processes: the ``Appraiser`` whose sessions are each in one process of a pool.

The process reads strangers' files: its answers are checked before anything is done with them, and one that is not of
the protocol's form ends it.
"""

import hashlib
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO

from pydantic import BaseModel, Field, ValidationError

from assay.errors import AssayError
from assay.protocol.proof.proven import ProvenPrice
from assay.protocol.statements import Domain
from assay.protocol.structs import Quote
from assay.protocol.types import OfferId
from assay_oracle.appraisers.pool import PricingPool
from assay_oracle.appraisers.process import LOAD_SECONDS, PricingProcess
from assay_oracle.appraisers.proving import Proving, sums_in
from assay_oracle.appraisers.wire import Channel, ChannelClosed, Message
from assay_oracle.errors import INTERRUPTED, DataRefused, PricingCutShort
from assay_oracle.log import about
from assay_oracle.services.appraiser import BlindResult, BlindRound, ContextOffer, FunctionInfo, OfferAppraisal
from assay_pricing.proof.process import SetSums
from assay_pricing.records.bounds import MAX_RECORDS

_HASH_BYTES = 32
_MAX_TEXT = 2000
_MAX_REASONS = 256
_CODE = re.compile(r"[a-z][a-z_]{0,63}")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ProcessAppraiser:
    """The ``Appraiser`` of one artifact, in the pricing processes.

    Attributes:
        info: The price function of the artifact.
        artifact: Its folder, which the processes load it from.
        pool: Shared by the appraisers of all models.
        proving: Proves prices; None if no proof is asked for.
    """

    info: FunctionInfo
    artifact: str
    pool: PricingPool
    proving: Proving | None = None

    def __post_init__(self) -> None:
        self.pool.admit(self.artifact)

    @contextmanager
    def session(self, *, patience: float | None = None) -> Iterator["ProcessSession"]:
        """See ``Appraiser.session``: a process for the time of the context."""
        with self.pool.taken(self.artifact, patience) as process:
            yield ProcessSession(self.info.hash, self.artifact, process, self.proving)

    def forget(self, offer_id: OfferId) -> None:
        """See ``Appraiser.forget``."""
        self.pool.forget(offer_id)


@dataclass(frozen=True)
class ProcessSession:
    """The ``PricingSession`` of a ``ProcessAppraiser``.

    Attributes:
        function: Hash of the price function.
        artifact: Its folder.
        process: Prices nothing else meanwhile.
        proving: As of the appraiser.
    """

    function: bytes
    artifact: str
    process: PricingProcess
    proving: Proving | None = None

    def load(self) -> None:
        """Has the price function loaded in time of its own: no offer's time depends on what came before it.

        Raises:
            OSError: It cannot be loaded, which is no fault of the data.
        """
        if not self.process.lacks(self.artifact, self.function):
            return
        try:
            with self.process.exchange(LOAD_SECONDS, self.artifact) as channel:
                channel.send("load", **self._request(LOAD_SECONDS))
                _checked(channel.receive(), "loaded")
        except PricingCutShort as error:
            if error.code == INTERRUPTED:
                raise
            raise OSError(f"expected a price function that loads from {self.artifact}: {error.message}") from None
        self.process.note_loaded(self.artifact, self.function)

    def open(self, source: BinaryIO, *, seconds: float) -> "ProcessOffer":
        """See ``PricingSession.open``."""
        self.load()
        with self.process.exchange(seconds, self.artifact) as channel:
            channel.send("open", sums=self.proving is not None, **self._request(seconds))
            channel.send_data(source)
            opened = _checked(channel.receive(), "opened")
            hashes = _hashes(opened.blob)
            sums = sums_in(opened.fields.get("sums")) if self.proving else None
        return ProcessOffer(self.process, hashes, seconds, self.proving, sums)

    def keep(self, offer: ContextOffer, *, seconds: float) -> None:
        """See ``PricingSession.keep``."""
        self.load()
        with self.process.exchange(seconds, self.artifact) as channel:
            channel.send("keep", offer=offer.offer_id.hex(), **self._request(seconds))
            _checked(_answer(channel, {offer.offer_id.hex(): offer}), "kept")

    def answer(self, turn: BlindRound, *, seconds: float) -> BlindResult:
        """See ``PricingSession.answer``."""
        self.load()
        fields = {
            "context": turn.context.hex(),
            "secret": turn.secret.hex(),
            "before": [digest.hex() for digest in turn.before],
            "records": turn.records,
        }
        with self.process.exchange(seconds, self.artifact) as channel:
            channel.send("answer", turn.message, **fields, **self._request(seconds))
            return _result(_checked(channel.receive(), "answered"))

    def _request(self, seconds: float) -> dict[str, Any]:
        return {"artifact": self.artifact, "function": self.function.hex(), "seconds": seconds}


class ProcessOffer:
    """The ``OpenedOffer`` of a ``ProcessSession``."""

    def __init__(
        self,
        process: PricingProcess,
        hashes: Sequence[bytes],
        seconds: float,
        proving: Proving | None = None,
        sums: SetSums | None = None,
    ) -> None:
        self._process = process
        self._hashes = hashes
        self._seconds = seconds
        self._proving = proving
        self._sums = sums

    def hashes(self) -> Sequence[bytes]:
        """See ``OpenedOffer.hashes``."""
        return self._hashes

    def prove(self, quote: Quote, domain: Domain) -> ProvenPrice | None:
        """See ``OpenedOffer.prove``."""
        assert self._proving is not None
        assert self._sums is not None
        return self._proving.prove(self._sums, quote, domain)

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


class _Answered(BaseModel):
    """Fields of the answer to ``answer``."""

    price: int | None = Field(ge=0)


def _result(answer: Message) -> BlindResult:
    """The answer to a message of a blind quote.

    Raises:
        ChannelClosed: It is none.
    """
    try:
        return BlindResult(answer.blob, _Answered.model_validate(answer.fields).price)
    except ValidationError:
        raise ChannelClosed from None


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
        cause = _text(fields.get("message"))
        log.error("the pricing process cannot load a price function", extra=about(cause=cause))
        raise OSError(f"the pricing process cannot load a price function: {cause}")
    if answer.kind != kind:
        raise ChannelClosed
    return answer


def _text(value: Any) -> str:
    """A shortened text in UTF-8: JSON can spell a lone surrogate, which neither the ledger nor HTTP can hold."""
    return str(value)[:_MAX_TEXT].encode(errors="backslashreplace").decode()
