"""Examples of the messages and problems of blind quotes, for the OpenAPI document."""

from typing import Any

from assay.protocol.messages import BlindAnswer, BlindOpened, BlindQuote, BlindRequest, BlindTerms, BlindValues
from assay_oracle import errors
from assay_oracle.server.api.examples import MODEL_UNAVAILABLE, MODEL_UNKNOWN, OFFER, SIGNATURE_INVALID, Responses

_EXPIRY = 1_800_000_000
_OFFER = OFFER.nonce
"""Any 32 bytes."""
_NOT_OFFERED = errors.BlindRefused("blind_not_offered", "expected a model with a price from sums, this one has none")

REQUEST = BlindRequest(
    model_id=OFFER.model_id,
    seller=OFFER.seller,
    data_root=OFFER.data_root,
    nonce=OFFER.nonce,
    signature=OFFER.signature,
    records=1000,
)
OPENED = BlindOpened(
    offer_id=_OFFER,
    expires_at=_EXPIRY,
    terms=BlindTerms(features=128, outputs=10, sum_bits=32, row_bits=15, weight_bits=17, price_bits=98),
)
VALUES = BlindValues(sums=OFFER.nonce, products=OFFER.data_root, values=bytes(32))
ANSWER = BlindAnswer(
    offer_id=_OFFER,
    quote=BlindQuote(
        model_id=OFFER.model_id,
        seller=OFFER.seller,
        data_root=OFFER.data_root,
        records=1000,
        price=10**17,
        expiry=_EXPIRY,
    ),
    oracle_signature=OFFER.signature,
)
_CONTENT: dict[str, Any] = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
CIPHERTEXTS: Responses = {200: {"description": "ciphertexts", "content": _CONTENT}}
OPENING = (
    SIGNATURE_INVALID,
    MODEL_UNKNOWN,
    MODEL_UNAVAILABLE,
    errors.ModelNotReady("model_halted", "the model accepts no quotes at present", hint="ask its owner"),
    errors.OfferConflict("expected 1000 records, as this blind quote was opened with, got 1001"),
    errors.TooManyOffers("expected at most 8 blind quotes of a seller for a model that no data bear out, got more"),
    _NOT_OFFERED,
)
TOO_MANY_PRICES = errors.TooManyOffers("expected at most 200 blind prices of a model that no data bear out, got more")
ANSWERING = (
    errors.OfferUnknown(f"expected a blind quote with id 0x{_OFFER.hex()}, there is none, or it expired"),
    errors.BlindRefused("blind_error", "expected a request of 2626592 bytes, got 4096"),
    errors.BlindRefused("blind_price_outside", "expected the products of the encrypted sums, got others"),
    MODEL_UNAVAILABLE,
)
