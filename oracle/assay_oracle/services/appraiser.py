"""The port of prices: what the services know of records, file formats and surrogates."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, BinaryIO, Protocol

from assay.protocol.messages import BlindTerms, DataLimits
from assay.protocol.proof.proven import ProvenPrice
from assay.protocol.schema import Schema
from assay.protocol.statements import Domain
from assay.protocol.structs import Quote
from assay.protocol.types import OfferId


@dataclass(frozen=True)
class FunctionInfo:
    """What is public about a price function.

    Attributes:
        hash: ``ModelTerms.function_hash``, 32 bytes.
        metric: What the price rewards an improvement of, e.g. ``log_loss``.
        pricing: ``binary`` or ``graded``.
        fidelity: Agreement of the surrogate with the model, 0..1.
        limits: How large the data of one offer may be.
        cap: Highest price of an offer by the pricing rule, in base units.
        grid: Prices are multiples of this, in base units.
        blind: Sizes and bounds of a price from encrypted sums; None if it has none.
        sums: How the sums of a price from sums are computed; None without one.
        remainder: Digest of what is not public, see ``assay.protocol.function.published``.
        is_proven: The oracle is a contract that takes a quote with a proof of its price alone.
    """

    hash: bytes
    schema: Schema
    metric: str
    pricing: str
    method: str
    fidelity: float
    limits: DataLimits | None = None
    cap: int | None = None
    grid: int | None = None
    blind: BlindTerms | None = None
    sums: dict[str, Any] | None = None
    remainder: bytes = bytes(32)
    is_proven: bool = False


@dataclass(frozen=True)
class BlindRound:
    """One message of a blind quote to answer.

    Attributes:
        context: What the quote belongs to: its offer's id.
        secret: The oracle's for this quote, 32 bytes.
        message: From the seller: encrypted sums, encrypted products, or decrypted values.
        before: SHA-256 of the messages before it, which tell the round.
        records: Number of records that the sums are of.
    """

    context: bytes
    secret: bytes
    message: bytes
    before: tuple[bytes, ...]
    records: int


@dataclass(frozen=True)
class BlindResult:
    """The answer to a ``BlindRound``: ``message`` to the seller, or after the last one the ``price`` in base units."""

    message: bytes
    price: int | None = None


@dataclass(frozen=True)
class ContextOffer:
    """An offer that another one is priced jointly with.

    Attributes:
        open: Gives its data, decrypted and checked. Raises an ``AssayError`` if the upload is damaged, and ``OSError``
            if the oracle's disk fails.
        rows: Those of its distinct records, in the order of their first occurrence, that count; None if all do.
    """

    offer_id: OfferId
    open: Callable[[], AbstractContextManager[BinaryIO]]
    rows: Sequence[int] | None = None


@dataclass(frozen=True)
class OfferAppraisal:
    """The price of an offer and what it is based on.

    Attributes:
        price: Base units.
        records: Number of records received.
        priced: Number of records left after duplicates and records priced before were taken out.
        fidelity: As ``FunctionInfo.fidelity``.
        reasons: Sentences for the seller, who learns nothing from them of what others have.
        document: Canonical JSON of the whole appraisal.
        digest: SHA-256 of ``document``, 32 bytes: ``Quote.evaluation``.
    """

    price: int
    records: int
    priced: int
    fidelity: float
    reasons: tuple[str, ...]
    document: bytes
    digest: bytes


class OpenedOffer(Protocol):
    """The records of one offer, parsed."""

    def hashes(self) -> Sequence[bytes]:
        """Canonical hashes of its records, 32 bytes each: equal for equal records in any file format.

        Copies of a record may be listed or left out.
        """
        ...

    def appraise(
        self, *, known: frozenset[bytes], own: Sequence[ContextOffer], sold: Sequence[ContextOffer]
    ) -> OfferAppraisal:
        """Prices the offer as one set.

        Args:
            known: Hashes of its records that were priced for this model before.
            own: Other offers of the same seller: the offer is worth what it adds to them.
            sold: Offers that others sold to the model's owner: near copies of them are worth nothing.

        A context offer whose upload is damaged is logged and left out; ``OSError`` is passed on.
        """
        ...

    def prove(self, quote: Quote, domain: Domain) -> ProvenPrice | None:
        """Proves the price of a quote for these records; None if they alone have another price.

        Args:
            quote: Of a price above 0; its expiry does not matter.
            domain: Where it is valid.

        Raises:
            OSError: The prover failed, or took too long: no fault of the data.
        """
        ...


class PricingSession(Protocol):
    """Prices one offer. What it keeps and opens is in one process, to which no other session has access meanwhile."""

    def keep(self, offer: ContextOffer, *, seconds: float) -> None:
        """Parses an offer that others are priced jointly with, and keeps its records, if it does not keep them yet.

        So it takes its own time, and none of the time of an offer that is priced later. A damaged upload is left out.

        Args:
            offer: The context offer.
            seconds: CPU time that parsing may take.

        Raises:
            PricingCutShort: It took longer, or its process failed.
            OSError: The oracle's disk failed.
        """
        ...

    def open(self, source: BinaryIO, *, seconds: float) -> OpenedOffer:
        """Parses the data of an offer, read from the start of ``source``.

        Args:
            source: The data.
            seconds: CPU time that parsing may take, and pricing again; an appraiser in this process does not end.

        Raises:
            PricingCutShort: It took longer, or its process failed; ``OpenedOffer.appraise`` raises it too.
            AssayError: The data does not fit the model's schema; the error's text is shown to the seller.
            OSError: The oracle's disk failed.
        """
        ...

    def answer(self, turn: BlindRound, *, seconds: float) -> BlindResult:
        """Answers a message of a blind quote. The same message has the same answer.

        Args:
            turn: The message.
            seconds: CPU time that it may take.

        Raises:
            PricingCutShort: It took longer, or its process failed.
            AssayError: The message is not of its form (``blind_error``), or no sums have the price
                (``blind_price_outside``).
        """
        ...


class Appraiser(Protocol):
    """Prices data for one model. The services know nothing else of records, file formats and surrogates."""

    @property
    def info(self) -> FunctionInfo:
        """The price function that it applies."""
        ...

    def session(self, *, patience: float | None = None) -> AbstractContextManager[PricingSession]:
        """What prices one offer, for the time of the context. Several threads may each have one.

        Args:
            patience: Seconds to wait for it; None for as long as others have it.

        Raises:
            PricingCutShort: The oracle is stopping, or others have all that there are (``pricing_busy``).
        """
        ...

    def forget(self, offer_id: OfferId) -> None:
        """Drops the decrypted data that it keeps of an offer; does nothing if it keeps none."""
        ...
