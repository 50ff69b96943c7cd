"""Quotes: signed once an offer is evaluated, and renewed at the same price before they expire."""

import logging
import threading

from assay.chain.port import Chain
from assay.errors import AssayError
from assay.protocol.messages import OfferStatus
from assay.protocol.statements import digest
from assay.protocol.types import ModelId, OfferId
from assay_oracle.errors import OfferConflict, RequestInvalid
from assay_oracle.ledger.values import Evaluation, Offer, SignedQuote
from assay_oracle.log import about
from assay_oracle.services.clock import Clock
from assay_oracle.services.ports import Ledger, Signer

_FOR_EVER = 2**62
MAX_VALID_QUOTES = 16
"""Signed quotes of one evaluation that may be valid at one time, before one more is signed at a seller's request."""

log = logging.getLogger(__name__)


class Quotes:
    """The signed quotes of all evaluations.

    Args:
        signer: None in a dry run: quotes are then answered unsigned.
        lifetime: Seconds from signing to expiry.
    """

    def __init__(self, ledger: Ledger, chain: Chain, clock: Clock, signer: Signer | None, lifetime: int) -> None:
        self._ledger = ledger
        self._chain = chain
        self._clock = clock
        self._signer = signer
        self._lifetime = lifetime
        self._lock = threading.Lock()
        self._unrenewed: set[OfferId] = set()
        """Offers whose quotes could not be renewed: it is told once."""
        self._followed = -1
        """The latest block when the models' oracles were looked up."""
        self._named: dict[ModelId, str | None] = {}
        """Of each model with quoted offers, the oracle that the chain named then."""
        self._settled: dict[ModelId, str] = {}
        """Of each model, the oracle for which its quotes are as they must be."""
        self._replaced: dict[ModelId, int] = {}
        """Of each model whose oracle is another operator's, the block since which it is seen."""

    @property
    def oracles(self) -> tuple[str, ...]:
        """Oracles that quotes are signed for; none in a dry run."""
        return self._signer.addresses if self._signer else ()

    def sign_recipient(self, recipient: str) -> tuple[bytes, ...]:
        """Signatures over the recipient of uploads, of each account; none in a dry run."""
        return self._signer.sign_recipient(recipient) if self._signer else ()

    def sign(self, evaluation: Evaluation) -> None:
        """Signs the first quote of a new evaluation. If that fails now, ``renew`` signs it later."""
        if self._signer is None:
            price = str(evaluation.price)
            log.info("dry run: would sign a quote", extra=about(offer=evaluation.offer_id, price=price))
            return
        try:
            self._sign(evaluation, self._clock.latest(), 0)
        except AssayError as error:
            log.warning("quote not signed yet", extra=about(offer=evaluation.offer_id, cause=error.message))

    def renew(self) -> None:
        """Signs a new quote for each quoted offer whose newest quote is missing or expires soon.

        Soon is within a tenth of a quote's lifetime.

        Raises:
            NodeUnreachable: The chain's time is unknown.
        """
        if self._signer is None:
            return
        time = self._clock.latest()
        for evaluation in self._ledger.evaluations.unquoted(time + self._lifetime // 10):
            if self._named.get(evaluation.model_id, self.oracles[0]) not in self.oracles:
                continue
            try:
                self._sign(evaluation, time, time + self._lifetime // 10)
                self._unrenewed.discard(evaluation.offer_id)
            except AssayError as error:
                if evaluation.offer_id not in self._unrenewed:
                    log.warning("quote not renewed", extra=about(offer=evaluation.offer_id, cause=error.message))
                self._unrenewed.add(evaluation.offer_id)

    def follow_oracles(self) -> None:
        """Does what follows for quoted offers from another oracle of their model. The chain is asked once a block.

        The contract takes quotes of the model's present oracle alone. Where that is another key of this daemon, quotes
        of the replaced key are signed anew, at their price. Where it is another operator's, the offers expire, once no
        reorganisation is expected to bring the key back: a replaced oracle is revoked for ever.

        Raises:
            NodeUnreachable: Nothing can be looked up now.
        """
        if self._signer is None or (block := self._chain.block_number()) == self._followed:
            return
        quoted = {model for (model, status), count in self._ledger.offers.counts().items() if _is_quoted(status, count)}
        for model_id in quoted:
            oracle = self._named[model_id] = self._chain.model_state(model_id).oracle
            if oracle is None or oracle in self.oracles:
                self._replaced.pop(model_id, None)
            if oracle is None or self._settled.get(model_id) == oracle:
                continue
            if oracle in self.oracles:
                for evaluation, newest in self._void(model_id, oracle):
                    self._signer.sign_quote(evaluation, max(self._clock.latest() + self._lifetime, newest + 1))
            elif not self._chain.is_confirmed(self._replaced.setdefault(model_id, block)):
                continue
            else:
                for evaluation, _ in self._void(model_id, oracle):
                    reason = f"the model's owner replaced its oracle: no quote of this one is valid; offer to {oracle}"
                    self._ledger.offers.expire(evaluation.offer_id, "oracle_replaced", reason)
                    log.warning("offer ended: the model has another oracle", extra=about(offer=evaluation.offer_id))
            self._settled[model_id] = oracle
        self._followed = block

    def _void(self, model_id: ModelId, oracle: str) -> list[tuple[Evaluation, int]]:
        """Evaluations of quoted offers whose newest quote was not signed for ``oracle``, with its expiry."""
        assert self._signer is not None
        found = []
        for evaluation in self._ledger.evaluations.unquoted(_FOR_EVER):
            if evaluation.model_id != model_id:
                continue
            newest = next(iter(self._ledger.evaluations.quotes(evaluation)), None)
            message = self._chain.domain.quote(newest.quote) if newest else None
            if newest and message and not self._signer.has_signed(message, newest.signature, oracle):
                found.append((evaluation, newest.quote.expiry))
        return found

    def _sign(self, evaluation: Evaluation, time: int, until: int) -> None:
        """Signs a quote, unless another thread signed one meanwhile that expires after ``until``."""
        assert self._signer is not None
        with self._lock:
            newest = next(iter(self._ledger.evaluations.quotes(evaluation)), None)
            if newest is None or newest.quote.expiry <= until:
                self._signer.sign_quote(evaluation, time + self._lifetime)

    def until(self, evaluation: Evaluation, expiry: int) -> SignedQuote:
        """The quote of an evaluation that expires at ``expiry`` (unix time): members of a committee sign one together.

        Raises:
            RequestInvalid: It would expire before now, or after a quote's lifetime.
            OfferConflict: Too many quotes of the evaluation are valid, or the oracle runs dry.
            ModelNotReady: The model's oracle is none that is signed for here.
            NodeUnreachable: The chain's time is unknown.
        """
        if self._signer is None:
            raise OfferConflict("the oracle runs dry: it signs nothing", hint="offer to an oracle that signs")
        time = self._clock.latest()
        if not time < expiry <= time + self._lifetime:
            raise RequestInvalid(
                f"expected an expiry from {time + 1} to {time + self._lifetime}, got {expiry}",
                hint="GET the offer: its quote has an expiry that is in these bounds",
            )
        with self._lock:
            signed = self._ledger.evaluations.quotes(evaluation)
            valid = [one.quote.expiry for one in signed if one.quote.expiry > time]
            if len(valid) >= MAX_VALID_QUOTES and expiry not in valid:
                raise OfferConflict(
                    f"expected fewer than {MAX_VALID_QUOTES} valid quotes of this offer, it has {len(valid)}",
                    hint=f"ask for one that expires at {valid[0]}",
                )
            return self._signer.sign_quote(evaluation, expiry)

    def check_postable(self, evaluation: Evaluation) -> None:
        """Checks that the signature of this daemon alone posts an order.

        Raises:
            OfferConflict: It is one of a committee's, or the daemon runs dry.
        """
        if self._signer is None:
            raise OfferConflict(
                "the oracle runs dry: it signs and posts nothing", hint="offer to an oracle that has a signing key"
            )
        for newest in self._ledger.evaluations.quotes(evaluation)[:1]:
            if self._signer.has_signed_as_member(newest):
                raise OfferConflict(
                    "expected a quote that this oracle alone signs, got one of a committee",
                    hint="join the signatures of its members, and post the order from the seller's account",
                )

    def of(self, offer: Offer) -> SignedQuote | None:
        """The quote to answer with: the accepted one, else the newest; None if the offer has none yet."""
        if offer.status in (OfferStatus.DECLINED, OfferStatus.EXPIRED):
            return None
        evaluation = self._ledger.evaluations.of(offer)
        if evaluation is None or not evaluation.price:
            return None
        signed = self._ledger.evaluations.quotes(evaluation)
        if offer.status is not OfferStatus.QUOTED:
            signed = [quote for quote in signed if quote.digest == offer.accepted_quote] or signed
        if signed or self._signer is not None:
            return signed[0] if signed else None
        unsigned = evaluation.quote(self._clock.latest() + self._lifetime)
        return SignedQuote(unsigned, digest(self._chain.domain.quote(unsigned)), b"")


def _is_quoted(status: OfferStatus, count: int) -> bool:
    return status is OfferStatus.QUOTED and count > 0
