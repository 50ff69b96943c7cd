"""Ports with metrics: each does what the one inside does, and counts it."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO

from eth_account.messages import SignableMessage

from assay.chain.settlement import SettlementClient
from assay.chain.values import EndedLate, Transaction
from assay.errors import AssayError, ContractReverted, TransactionFailed, TransactionPending
from assay.protocol.proof.proven import ProvenPrice
from assay.protocol.statements import Domain
from assay.protocol.structs import Order, Quote
from assay.protocol.types import ModelId, OfferId
from assay_oracle.errors import PricingCutShort
from assay_oracle.ledger.values import BlindSession, Evaluation, SignedQuote
from assay_oracle.operations.metrics import (
    CAPPED,
    CUT_SHORT,
    GAS,
    PRICE_SHARE,
    PRICING_SECONDS,
    QUOTES_SIGNED,
    TRANSACTIONS,
)
from assay_oracle.services.appraiser import (
    Appraiser,
    BlindResult,
    BlindRound,
    ContextOffer,
    FunctionInfo,
    OfferAppraisal,
    OpenedOffer,
    PricingSession,
)
from assay_oracle.services.ports import Signer

_REASONS = ("pricing_timed_out", "pricing_failed", "interrupted")


def short(model_id: ModelId) -> str:
    """A model as a label: its first four bytes."""
    return "0x" + model_id[:4].hex()


@contextmanager
def _timed(model: str, step: str) -> Iterator[None]:
    start = time.monotonic()
    try:
        yield
    except PricingCutShort as error:
        CUT_SHORT.labels(error.code if error.code in _REASONS else "other").inc()
        raise
    PRICING_SECONDS.labels(model, step).observe(time.monotonic() - start)


@dataclass(frozen=True)
class MeteredOffer:
    """An ``OpenedOffer``: the time that valuing takes, and the price."""

    inner: OpenedOffer
    model: str
    cap: int | None

    def hashes(self) -> Sequence[bytes]:
        """See ``OpenedOffer.hashes``."""
        return self.inner.hashes()

    def prove(self, quote: Quote, domain: Domain) -> ProvenPrice | None:
        """See ``OpenedOffer.prove``."""
        with _timed(self.model, "prove"):
            return self.inner.prove(quote, domain)

    def appraise(
        self, *, known: frozenset[bytes], own: Sequence[ContextOffer], sold: Sequence[ContextOffer]
    ) -> OfferAppraisal:
        """See ``OpenedOffer.appraise``."""
        with _timed(self.model, "appraise"):
            found = self.inner.appraise(known=known, own=own, sold=sold)
        if self.cap:
            PRICE_SHARE.labels(self.model).observe(found.price / self.cap)
        return found


@dataclass(frozen=True)
class MeteredSession:
    """A ``PricingSession``: the time that each step takes, and attempts that were cut short."""

    inner: PricingSession
    model: str
    cap: int | None

    def keep(self, offer: ContextOffer, *, seconds: float) -> None:
        """See ``PricingSession.keep``."""
        self.inner.keep(offer, seconds=seconds)

    def open(self, source: BinaryIO, *, seconds: float) -> OpenedOffer:
        """See ``PricingSession.open``."""
        with _timed(self.model, "open"):
            found = self.inner.open(source, seconds=seconds)
        return MeteredOffer(found, self.model, self.cap)

    def answer(self, turn: BlindRound, *, seconds: float) -> BlindResult:
        """See ``PricingSession.answer``."""
        with _timed(self.model, "answer"):
            return self.inner.answer(turn, seconds=seconds)


@dataclass(frozen=True)
class MeteredAppraiser:
    """An ``Appraiser`` whose sessions are metered."""

    inner: Appraiser
    model: str

    @property
    def info(self) -> FunctionInfo:
        """The price function that it applies."""
        return self.inner.info

    @contextmanager
    def session(self, *, patience: float | None = None) -> Iterator["MeteredSession"]:
        """See ``Appraiser.session``."""
        with self.inner.session(patience=patience) as session:
            yield MeteredSession(session, self.model, self.info.cap)

    def forget(self, offer_id: OfferId) -> None:
        """See ``Appraiser.forget``."""
        self.inner.forget(offer_id)


@dataclass(frozen=True)
class MeteredSigner:
    """A ``Signer``: the quotes that it signs."""

    inner: Signer

    @property
    def addresses(self) -> tuple[str, ...]:
        """Accounts that the signatures are valid for."""
        return self.inner.addresses

    def has_signed(self, message: SignableMessage, signature: bytes, oracle: str) -> bool:
        """See ``Signer.has_signed``."""
        return self.inner.has_signed(message, signature, oracle)

    def has_signed_as_member(self, signed: SignedQuote) -> bool:
        """See ``Signer.has_signed_as_member``."""
        return self.inner.has_signed_as_member(signed)

    def sign_recipient(self, recipient: str) -> tuple[bytes, ...]:
        """See ``Signer.sign_recipient``."""
        return self.inner.sign_recipient(recipient)

    def sign_quote(self, evaluation: Evaluation, expiry: int) -> SignedQuote:
        """See ``Signer.sign_quote``."""
        signed = self.inner.sign_quote(evaluation, expiry)
        QUOTES_SIGNED.inc()
        return signed

    def sign_blind_quote(self, session: BlindSession) -> bytes:
        """See ``Signer.sign_blind_quote``."""
        return self.inner.sign_blind_quote(session)

    def sign_key_escrow(self, order: Order) -> bytes:
        """See ``Signer.sign_key_escrow``."""
        return self.inner.sign_key_escrow(order)


class MeteredClient(SettlementClient):
    """A ``SettlementClient``: its transactions, and the gas that they take.

    One that is mined after its time counts twice: as pending, and by its result.
    """

    def resend(self) -> list[EndedLate]:
        """See ``Chain.resend``."""
        found = super().resend()
        CAPPED.set(len(self._sender.capped))
        for ended in found:
            GAS.labels(ended.function).inc(ended.gas)
            TRANSACTIONS.labels(ended.function, "mined" if ended.succeeded else "failed").inc()
        return found

    def _send(self, name: str, *arguments: Any, value: int = 0, displace: bool = False) -> Transaction:
        try:
            sent = super()._send(name, *arguments, value=value, displace=displace)
        except TransactionFailed as error:
            GAS.labels(name).inc(error.gas)
            TRANSACTIONS.labels(name, "failed").inc()
            raise
        except ContractReverted:
            TRANSACTIONS.labels(name, "reverted").inc()
            raise
        except TransactionPending:
            TRANSACTIONS.labels(name, "pending").inc()
            raise
        except AssayError:
            TRANSACTIONS.labels(name, "error").inc()
            raise
        GAS.labels(name).inc(sent.gas)
        TRANSACTIONS.labels(name, "mined").inc()
        return sent
