"""Blind quotes: a price from encrypted sums, before the oracle has seen the data. ``docs/blind.md`` has the protocol.

Between the messages the ledger holds no more than that a quote was asked for: the masks are drawn again from the
oracle's secret and the messages themselves. The price is recorded before its seller learns it, and never changes.
"""

import logging
from dataclasses import dataclass

from assay.chain.port import Chain
from assay.chain.queries import is_signed_by
from assay.errors import AssayError
from assay.protocol.messages import BlindAnswer, BlindOpened, BlindRequest, BlindTerms, BlindValues
from assay.protocol.statements import digest
from assay.protocol.types import OfferId
from assay_oracle.errors import (
    BlindRefused,
    ModelUnavailable,
    OfferConflict,
    OfferUnknown,
    PricingCutShort,
    SignatureInvalid,
)
from assay_oracle.ledger.content import ContentDigests
from assay_oracle.ledger.values import BlindSession
from assay_oracle.log import about
from assay_oracle.services.appraiser import BlindResult, BlindRound
from assay_oracle.services.catalogue import Catalogue, PricedModel
from assay_oracle.services.clock import Clock
from assay_oracle.services.ports import Ledger, Signer

OPEN_SECONDS = 3600
"""Time within which the price must be asked for."""
ROUND_SECONDS = 60.0
"""CPU time of one message."""
PATIENCE = 10.0
"""Seconds that a message waits for a process: a request of HTTP does not wait for the offers that are priced."""
OUTSIDE = "blind_price_outside"
"""Code of a price that no sums have."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class BlindQuotes:
    """The blind quotes of sellers.

    Attributes:
        signer: None in a dry run: quotes are then answered unsigned.
        lifetime: Seconds from a price to the expiry of its quote.
        most: Blind quotes of one seller for one model that no data bear out.
        most_of_model: Blind prices of one model that no data bear out.
        is_member: Of a committee, whose members would draw their masks from one secret: it gives no blind quotes.
    """

    catalogue: Catalogue
    ledger: Ledger
    chain: Chain
    clock: Clock
    digests: ContentDigests
    signer: Signer | None
    lifetime: int
    most: int
    most_of_model: int
    is_member: bool = False

    def open(self, request: BlindRequest) -> BlindOpened:
        """Opens a blind quote, or finds the one that was opened by the same statement.

        Raises:
            SignatureInvalid: The seller did not sign the statement.
            ModelUnknown, ModelNotReady: The offer could not lead to a sale.
            BlindRefused: The model has no blind quotes, or the seller has offers that its data are priced with.
            TooManyOffers: The seller has too many that no data bear out.
            OfferConflict: The same statement came with another number of records.
        """
        message = self.chain.domain.offer(request.model_id, request.seller, request.data_root, request.nonce)
        model = self.catalogue.get(request.model_id)
        if self.is_member:
            raise BlindRefused(
                "blind_not_offered",
                "expected an oracle alone, this one is a member of a committee: its masks would be those of the others",
                hint="offer the data: assay sell",
            )
        terms = _terms(model)
        if not is_signed_by(self.chain, request.seller, message, request.signature):
            raise SignatureInvalid(
                f"expected the offer to be signed by its seller {request.seller}, got another signature",
                hint="check the key, and that chain id and contract are the ones of GET /v1/info",
            )
        model.check_ready(self.chain, self.signer.addresses if self.signer else (), request.seller)
        now = self.clock.now()
        offer_id = OfferId(digest(message))
        if self.ledger.blind.find(offer_id) is None:
            self._check_alone(request)
        session = BlindSession(
            offer_id=offer_id,
            model_id=request.model_id,
            seller=request.seller,
            data_root=request.data_root,
            records=request.records,
            expires_at=now + OPEN_SECONDS,
        )
        found = self.ledger.blind.add(session, most=self.most, now=now)
        if found.records != request.records:
            raise OfferConflict(
                f"expected {found.records} records, as this blind quote was opened with, got {request.records}",
                hint="ask under a fresh nonce",
            )
        answer = self._signed(found) if found.has_ended else None
        return BlindOpened(offer_id=offer_id, expires_at=found.expires_at, terms=terms, answer=answer)

    def _check_alone(self, request: BlindRequest) -> None:
        """An offer is worth what it adds to the seller's others: its own sums do not tell that."""
        _, own = self.ledger.offers.context(request.model_id, request.seller, self.chain.block_time())
        if own:
            raise BlindRefused(
                "blind_beside_offers",
                f"expected a seller without other offers to this model, {request.seller} has {len(own)}",
                hint="offer the data (assay sell), or wait until their quotes have expired",
            )

    def sums(self, offer_id: OfferId, message: bytes) -> bytes:
        """The answer to encrypted sums: masked residual moments, encrypted.

        Raises:
            OfferUnknown: The quote expired.
            BlindRefused: The message is not of its form, or the quote has its price.
            ModelUnavailable: It cannot be answered now.
        """
        return self._answer(self._open(offer_id), message, ()).message

    def products(self, offer_id: OfferId, sums: bytes, message: bytes) -> bytes:
        """The answer to encrypted products: the masked price, encrypted. ``sums`` is SHA-256 of the encrypted sums.

        Raises:
            OfferUnknown, BlindRefused, ModelUnavailable: As of ``sums``.
        """
        return self._answer(self._open(offer_id), message, (sums,)).message

    def price(self, offer_id: OfferId, values: BlindValues) -> BlindAnswer:
        """The signed price that the seller's decrypted values unmask. A quote that has its price keeps it.

        Raises:
            OfferUnknown: The quote expired.
            TooManyOffers: The model has too many prices that no data bear out.
            BlindRefused: The values are not those of the oracle's answer; or no sums have their price, and the quote is
                used up.
            ModelUnavailable: They cannot be answered now.
        """
        session = self._get(offer_id)
        return self._signed(session if session.has_ended else self._concluded(session, values))

    def _signed(self, session: BlindSession) -> BlindAnswer:
        quote = session.quote()
        if quote is None:
            raise BlindRefused(
                session.code or OUTSIDE,
                "expected the products of the encrypted sums, got numbers whose price no sums have",
                hint="this quote is used up",
            )
        signature = self.signer.sign_blind_quote(session) if self.signer else b""
        return BlindAnswer(offer_id=session.offer_id, quote=quote, oracle_signature=signature)

    def _concluded(self, session: BlindSession, values: BlindValues) -> BlindSession:
        model = self.catalogue.get(session.model_id)
        price: int | None = None
        code: str | None = None
        try:
            found = self._answer(session, values.values, (values.sums, values.products)).price
            price = None if found is None else min(found, model.terms.max_price)
        except BlindRefused as error:
            if error.code != OUTSIDE:
                raise
            code = error.code
        concluded = self.ledger.blind.conclude(
            session.offer_id,
            price=price,
            code=code,
            expires_at=self.clock.latest() + self.lifetime,
            most=self.most_of_model,
        )
        log.info("blind quote", extra=about(offer=session.offer_id, price=str(concluded.price), code=concluded.code))
        return concluded

    def _get(self, offer_id: OfferId) -> BlindSession:
        found = self.ledger.blind.find(offer_id)
        if found is None or (not found.has_ended and found.expires_at < self.clock.now()):
            raise OfferUnknown(
                f"expected a blind quote with id 0x{offer_id.hex()}, there is none, or it expired",
                hint="ask for it again: POST /v1/blind; nothing was used up",
            )
        return found

    def _open(self, offer_id: OfferId) -> BlindSession:
        found = self._get(offer_id)
        if found.has_ended:
            raise BlindRefused(
                "blind_quote_answered",
                "expected a blind quote without a price, this one has its price",
                hint="POST /v1/blind has it",
            )
        return found

    def _answer(self, session: BlindSession, message: bytes, before: tuple[bytes, ...]) -> BlindResult:
        model = self.catalogue.get(session.model_id)
        _terms(model)
        turn = BlindRound(
            session.offer_id, self.digests.blind_secret(session.offer_id), message, before, session.records
        )
        try:
            with model.appraiser.session(patience=PATIENCE) as pricing:
                return pricing.answer(turn, seconds=ROUND_SECONDS)
        except PricingCutShort as error:
            raise ModelUnavailable(
                f"this message could not be answered now: {error.message}",
                hint="send it again; nothing was used up",
            ) from None
        except AssayError as error:
            raise BlindRefused(error.code, error.message, hint=error.hint) from None


def _terms(model: PricedModel) -> BlindTerms:
    """The terms of a model's blind quotes.

    Raises:
        BlindRefused: It has none.
    """
    terms = model.appraiser.info.blind
    if terms is None:
        raise BlindRefused(
            "blind_not_offered",
            f"expected a model with a price from sums, 0x{model.model_id.hex()} has none",
            hint="offer the data: assay sell",
        )
    return terms
