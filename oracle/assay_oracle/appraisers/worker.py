"""The far side of ``process``: answers the daemon's requests with an ``InlineAppraiser`` for each artifact.

Price functions, and the records of context offers, stay in memory from one offer to the next: what nobody foresaw in a
stranger's file refuses that file, and does not end the process.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO

from assay.errors import AssayError
from assay.protocol.types import OfferId
from assay_oracle.appraisers.inline import InlineAppraiser, InlineOffer
from assay_oracle.appraisers.wire import Channel, ChannelClosed, Message
from assay_oracle.services.appraiser import BlindRound, ContextOffer

log = logging.getLogger(__name__)

Load = Callable[[str], InlineAppraiser]
"""The appraiser of the artifact in a folder."""


class DamagedUpload(AssayError):
    """The daemon cannot open the upload of a context offer."""


class PricingFailed(AssayError):
    """Pricing the data raised an error that nobody foresaw; its text, which may quote data, is left out."""


class Worker:
    """Answers the daemon's requests one after the other.

    Args:
        channel: To the daemon.
        load: Makes the appraiser of an artifact.
        limit: Called with the CPU seconds that a request may take from now on, and with 0 once it is answered.
    """

    def __init__(self, channel: Channel, load: Load, limit: Callable[[float], None]) -> None:
        self._channel = channel
        self._load = load
        self._limit = limit
        self._appraisers: dict[str, InlineAppraiser] = {}
        self._opened: InlineOffer | None = None

    def serve(self) -> None:
        """Says that it is ready, and answers until the daemon ends."""
        with suppress(ChannelClosed):
            self._channel.send("ready")
            while True:
                self._answer(self._channel.receive())
                self._limit(0)

    def _answer(self, request: Message) -> None:
        if request.kind == "forget":
            for appraiser in self._appraisers.values():
                appraiser.forget(_id(request.fields["offer"]))
            return
        self._limit(request.fields["seconds"])
        if request.kind == "load":
            if self._loaded(request.fields) is not None:
                self._channel.send("loaded")
        elif request.kind == "open":
            self._open(request.fields, self._channel.receive_data())
        elif request.kind == "keep":
            self._keep(request.fields)
        elif request.kind == "answer":
            self._answer_blindly(request)
        else:
            self._appraise(request)

    def _keep(self, fields: dict[str, Any]) -> None:
        appraiser = self._loaded(fields)
        if appraiser is None:
            return
        with suppress(PricingFailed), _foreseen():
            appraiser.keep(self._context({"id": fields["offer"], "rows": None}), seconds=fields["seconds"])
        self._channel.send("kept")

    def _open(self, fields: dict[str, Any], data: BinaryIO) -> None:
        self._opened = None
        appraiser = self._loaded(fields)
        if appraiser is None:
            return
        try:
            with _foreseen():
                self._opened = appraiser.open(data, seconds=fields["seconds"])
                hashes = dict.fromkeys(self._opened.hashes())
                sums = self._opened.sums().model_dump() if fields["sums"] else None
        except AssayError as error:
            self._refuse(error)
            return
        self._channel.send("opened", b"".join(hashes), sums=sums)

    def _answer_blindly(self, request: Message) -> None:
        fields = request.fields
        appraiser = self._loaded(fields)
        if appraiser is None:
            return
        turn = BlindRound(
            context=bytes.fromhex(fields["context"]),
            secret=bytes.fromhex(fields["secret"]),
            message=request.blob,
            before=tuple(map(bytes.fromhex, fields["before"])),
            records=fields["records"],
        )
        try:
            with _foreseen():
                found = appraiser.answer(turn, seconds=fields["seconds"])
        except AssayError as error:
            self._refuse(error)
            return
        self._channel.send("answered", found.message, price=None if found.price is None else str(found.price))

    def _loaded(self, fields: dict[str, Any]) -> InlineAppraiser | None:
        """The appraiser that a request names; None if it cannot be loaded, which the daemon then learns."""
        try:
            return self._appraiser(fields["artifact"], bytes.fromhex(fields["function"]))
        except (AssayError, OSError) as error:
            self._channel.send("unable", message=str(error))
            return None

    def _appraiser(self, artifact: str, function: bytes) -> InlineAppraiser:
        """The appraiser of an artifact, which is loaded again if it changed."""
        known = self._appraisers.get(artifact)
        if known is None or known.info.hash != function:
            known = self._appraisers[artifact] = self._load(artifact)
        if known.info.hash != function:
            raise OSError(f"expected the price function 0x{function.hex()} in {artifact}, got another")
        return known

    def _appraise(self, request: Message) -> None:
        opened, fields = self._opened, request.fields
        assert opened is not None
        self._opened = None
        known = frozenset(request.blob[start : start + 32] for start in range(0, len(request.blob), 32))
        own, sold = ([self._context(offer) for offer in fields[which]] for which in ("own", "sold"))
        try:
            with _foreseen():
                found = opened.appraise(known=known, own=own, sold=sold)
        except AssayError as error:
            self._refuse(error)
            return
        self._channel.send(
            "appraisal",
            found.document,
            price=str(found.price),
            records=found.records,
            priced=found.priced,
            fidelity=found.fidelity,
            reasons=found.reasons,
        )

    def _context(self, offer: dict[str, Any]) -> ContextOffer:
        @contextmanager
        def asked() -> Iterator[BinaryIO]:
            self._channel.send("need", offer=offer["id"])
            answer = self._channel.receive()
            if answer.kind == "damaged":
                raise DamagedUpload("the daemon cannot open it")
            yield self._channel.receive_data()

        rows = None if offer["rows"] is None else tuple(offer["rows"])
        return ContextOffer(_id(offer["id"]), asked, rows)

    def _refuse(self, error: AssayError) -> None:
        self._channel.send("refused", code=error.code, message=error.message, hint=error.hint)


@contextmanager
def _foreseen() -> Iterator[None]:
    """Turns an error of another kind than ``AssayError`` into a refusal, unless the process cannot go on with it.

    Raises:
        PricingFailed: There was one.
    """
    try:
        yield
    except (AssayError, ChannelClosed, MemoryError):
        raise
    except Exception:
        log.exception("pricing failed")
        raise PricingFailed(
            "this data cannot be priced: the oracle failed on it",
            hint="no evaluation was used; tell the oracle's operator, whose log has the cause",
        ) from None


def _id(text: str) -> OfferId:
    return OfferId(bytes.fromhex(text))
