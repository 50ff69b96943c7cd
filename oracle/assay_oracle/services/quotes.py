"""Quotes: signed once an offer is evaluated, and renewed at the same price before they expire."""

import logging

from assay.chain.port import Chain
from assay.errors import AssayError
from assay.protocol.messages import OfferStatus
from assay.protocol.statements import digest
from assay_oracle.ledger.values import Evaluation, Offer, SignedQuote
from assay_oracle.log import about
from assay_oracle.services.clock import Clock
from assay_oracle.services.ports import Ledger, Signer

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

    @property
    def oracle(self) -> str | None:
        """Account that signs; None in a dry run."""
        return self._signer.address if self._signer else None

    def sign(self, evaluation: Evaluation) -> None:
        """Signs the first quote of a new evaluation. If that fails now, ``renew`` signs it later."""
        if self._signer is None:
            price = str(evaluation.price)
            log.info("dry run: would sign a quote", extra=about(offer=evaluation.offer_id, price=price))
            return
        try:
            self._signer.sign_quote(evaluation, self._clock.latest() + self._lifetime)
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
            try:
                self._signer.sign_quote(evaluation, time + self._lifetime)
            except AssayError as error:
                log.warning("quote not renewed", extra=about(offer=evaluation.offer_id, cause=error.message))

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
