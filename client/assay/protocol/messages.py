"""Messages between client and oracle over HTTP. Paths are under ``/v1``; ``docs/protocol.md`` has the table.

An offer is one data set offered to one model. Its id is the EIP-712 digest of a statement with a random nonce that
the data owner signs. A repeated request finds the same offer. What is a party's own is answered to its session alone,
which it begins by signing a ``LoginChallenge``.
"""

from enum import StrEnum
from typing import Any

from pydantic import ConfigDict, Field

from assay.protocol.function.published import function_hash
from assay.protocol.schema import Schema
from assay.protocol.structs import ModelTerms, Quote
from assay.protocol.types import (
    Address,
    Bytes32,
    HexBytes,
    ModelIdField,
    Money,
    OfferIdField,
    OrderIdField,
    Signature,
    UnixTime,
    Value,
)

API_PREFIX = "/v1"
UPLOAD_OFFSET_HEADER = "Upload-Offset"
MOST_WAIT_SECONDS = 20
"""The longest that the oracle holds back the answer about an offer that waits to be priced (RFC 7240, ``wait``)."""
PROBLEM_MEDIA_TYPE = "application/problem+json"
PROBLEM_PAGE = "docs/errors.md"
"""Page of the source that has a row for each code of a problem."""
MAX_CHUNK_SIZE = 4096
"""Bytes of a chunk, at most, unless a model says otherwise: a dispute sends one to the chain, at the buyer's cost."""
MAX_CIPHERTEXT_BYTES = 2**24
"""Bytes of the ciphertexts in one message of a blind quote, at most."""
MAX_PROOF_CHARACTERS = 8192
MAX_QUOTE_SECONDS = 7 * 86_400
"""The longest that a quote can be posted: until then a seller cannot take an acceptance back."""


class ModelUnavailability(Value):
    """A model that the oracle is configured to price for and cannot at present."""

    model_id: ModelIdField
    code: str = Field(description="stable name of the cause, e.g. artifact_error")


class OracleInfo(Value):
    """``GET /info``: identity of the oracle."""

    version: str
    chain_id: int
    contract: Address
    oracle: Address = Field(description="signer of the quotes")
    recipient: str = Field(description="age recipient (age1...) that uploads and keys are enveloped to")
    recipient_signature: Signature = Field(description="the oracle's over Recipient(recipient); empty in a dry run")
    further_signatures: tuple[Signature, ...] = Field(
        default=(), max_length=4, description="the same by further keys of the oracle, while it rotates its key"
    )
    committee: Address | None = Field(default=None, description="the Safe of which this oracle is a member")
    content_tag: Bytes32 | None = Field(
        default=None, description="of a member: tells the secret of its content ids from others; equal in a committee"
    )
    max_upload_bytes: int = Field(gt=0, lt=2**63)
    models: tuple[Bytes32, ...]
    unavailable: tuple[ModelUnavailability, ...] = Field(
        default=(), description="models that the oracle is to price for and cannot at present"
    )


class DataLimits(Value):
    """How large the data of one offer may be. ``OracleInfo.max_upload_bytes`` bounds the upload itself."""

    records: int = Field(gt=0)
    expanded_bytes: int = Field(gt=0, description="memory of the columns once opened: 8 bytes a number")


class BlindTerms(Value):
    """Sizes and bounds of a model's price from sums: ``assay_pricing.blind.shape.Shape`` has the same fields."""

    features: int = Field(ge=1, description="rows and columns of Q")
    outputs: int = Field(ge=1, description="columns of U")
    sum_bits: int = Field(ge=1, description="entries of Q and U are below 2**sum_bits in magnitude")
    row_bits: int = Field(ge=1, description="rows of Q have a Euclidean norm below 2**row_bits")
    weight_bits: int = Field(ge=1, description="entries of P are below 2**weight_bits in magnitude")
    price_bits: int = Field(ge=1, description="the doubled price is below 2**price_bits in magnitude")


class ModelInfo(Value):
    """``GET /models/{model_id}``: what a data owner needs to know before an offer."""

    model_id: ModelIdField
    terms: ModelTerms
    schema_: Schema = Field(alias="schema")
    metric: str = Field(description="what the price rewards an improvement of, e.g. log_loss")
    pricing: str = Field(description="binary or graded")
    method: str
    fidelity: float = Field(ge=0, le=1, description="agreement of the surrogate with the model")
    price_cap: Money | None = Field(
        default=None,
        description="highest price of an offer by the pricing rule; the terms' max_price bounds it as well",
    )
    price_grid: Money | None = Field(default=None, description="prices are multiples of this")
    sums: dict[str, Any] | None = Field(
        default=None,
        description="`terms` of docs/price-format.md: how Q and U are computed from records; null without such a price",
    )
    remainder: Bytes32 = Field(
        description="digest of what is not published of the price function: with it, the function's hash in `terms` "
        "commits to `schema` and all that follows it up to `sums`"
    )
    limits: DataLimits | None = None
    blind: BlindTerms | None = Field(default=None, description="its price from encrypted sums; null if it has none")
    max_chunk_size: int = Field(
        default=MAX_CHUNK_SIZE,
        ge=1024,
        lt=2**32,
        description="bytes of a sealed chunk: what a dispute costs grows with it",
    )

    def function_hash(self) -> bytes:
        """The hash of the price function of which this is published: 32 bytes.

        Raises:
            ValueError: A number in ``sums`` is not finite.
        """
        return function_hash(self.model_dump(mode="json", by_alias=True), self.remainder)


class OfferRequest(Value):
    """``POST /offers``. ``signature`` is the seller's over ``Offer(modelId, seller, dataRoot, nonce)``."""

    model_id: ModelIdField
    seller: Address
    data_root: Bytes32
    nonce: Bytes32
    signature: Signature
    upload_bytes: int = Field(gt=0, lt=2**63, description="length of the age envelope of the sealed file")
    sealed_key: str = Field(max_length=2048, description="age envelope (ASCII armor) of the 32-byte sealing key")


class OfferStatus(StrEnum):
    """Where an offer stands. ``declined``, ``refused`` and ``expired`` are final without a sale."""

    UPLOADING = "uploading"
    PRICING = "pricing"
    QUOTED = "quoted"
    DECLINED = "declined"
    """The price is 0, or the seller declined the quote."""
    REFUSED = "refused"
    """The data cannot be priced: it is malformed, or was priced for this model before."""
    ACCEPTED = "accepted"
    """The seller accepted; the oracle is posting the order."""
    POSTED = "posted"
    EXPIRED = "expired"


class AppraisalSummary(Value):
    """What the seller learns besides the price."""

    records: int = Field(ge=0, lt=2**63, description="records received")
    priced: int = Field(
        ge=0, lt=2**63, description="distinct records among them; which of these others have is not said"
    )
    fidelity: float = Field(ge=0, le=1)
    reasons: tuple[str, ...] = ()


class OfferState(Value):
    """``GET /offers/{offer_id}`` and the answer to every call that changes an offer."""

    offer_id: OfferIdField
    status: OfferStatus
    received_bytes: int = Field(default=0, ge=0, lt=2**63)
    upload_bytes: int = Field(gt=0, lt=2**63)
    reason: str | None = Field(default=None, description="why it was refused, declined or expired, and what to do")
    code: str | None = Field(default=None, description="stable name of that reason")
    quote: Quote | None = None
    oracle_signature: Signature | None = None
    appraisal: AppraisalSummary | None = None
    order_id: OrderIdField | None = None
    transaction: Bytes32 | None = Field(default=None, description="hash of the posting transaction")
    proof: str | None = Field(
        default=None,
        max_length=MAX_PROOF_CHARACTERS,
        description="JSON of the proven price once it is quoted, where the model has these",
    )


class QuoteRequest(Value):
    """``POST /offers/{offer_id}/quotes``: members of a committee are asked for quotes that expire at one time."""

    expiry: UnixTime = Field(description="from now to the lifetime of a quote")


class AcceptanceRequest(Value):
    """``POST /offers/{offer_id}/acceptance``. ``signature`` is over ``Acceptance(quoteDigest, keyHash)``, by a key.

    A wallet contract posts its order itself: the oracle pays for no transaction that runs a seller's code.
    """

    key_hash: Bytes32
    signature: Signature


class OrderRecord(Value):
    """``GET /orders/{order_id}``: what the oracle holds for the two sides of a posted order."""

    order_id: OrderIdField
    model_id: ModelIdField
    seller: Address
    sealed_bytes: int = Field(
        ge=0, lt=2**63, description="length of the age envelope at /orders/{order_id}/sealed; 0 once it is deleted"
    )
    key_escrow: Signature | None = Field(default=None, description="the oracle's over KeyEscrow(orderDigest)")
    key_envelope: str | None = Field(
        default=None, max_length=2048, description="age envelope of the key for the buyer, once the order is paid"
    )
    receipt: Signature | None = None
    acknowledgement: Signature | None = None
    proof: str | None = Field(
        default=None, max_length=MAX_PROOF_CHARACTERS, description="JSON of the proven price, where the model has these"
    )


class BuyerStatement(Value):
    """``PUT /orders/{order_id}/receipt`` and ``/acknowledgement``: the buyer's signature over the order's digest."""

    signature: Signature


class BlindRequest(Value):
    """``POST /blind``. ``signature`` is the seller's over ``Offer(modelId, seller, dataRoot, nonce)``."""

    model_id: ModelIdField
    seller: Address
    data_root: Bytes32
    nonce: Bytes32
    signature: Signature
    records: int = Field(gt=0, lt=2**32, description="number of records that the sums are of")


class BlindValues(Value):
    """``POST /blind/{offer_id}/price``: what the seller decrypted, and SHA-256 of the messages that led to it."""

    sums: Bytes32
    products: Bytes32
    values: HexBytes = Field(max_length=1024)


class BlindQuote(Value):
    """The price of data that the oracle has not seen, if the data have the sums that it was computed from."""

    model_id: ModelIdField
    seller: Address
    data_root: Bytes32
    records: int = Field(gt=0, lt=2**32)
    price: Money
    expiry: UnixTime


class BlindAnswer(Value):
    """Answer to ``POST /blind/{offer_id}/price``. ``oracle_signature`` is over the quote; empty in a dry run."""

    offer_id: OfferIdField
    quote: BlindQuote
    oracle_signature: Signature


class BlindOpened(Value):
    """Answer to ``POST /blind``: until when the price can be asked for, or the price, once it was."""

    offer_id: OfferIdField
    expires_at: UnixTime
    terms: BlindTerms
    answer: BlindAnswer | None = None


class LoginChallenge(Value):
    """``GET /login``: what a party signs to begin a session."""

    nonce: Bytes32
    seconds: int = Field(gt=0, description="time within which it can be used")


class LoginRequest(Value):
    """``POST /login``. ``signature`` is the account's over ``Login(account, oracle, nonce)``; a nonce is used once."""

    account: Address
    oracle: str = Field(max_length=2048, description="base URL of the oracle that the account connects to")
    nonce: Bytes32
    signature: Signature


class LoginSession(Value):
    """Answer to ``POST /login``: ``token`` is sent with each request, as ``Authorization: Bearer``."""

    account: Address
    token: str = Field(max_length=256, pattern=r"^[A-Za-z0-9_=.~+/-]+$")
    expires_at: UnixTime = Field(description="by the oracle's clock")


class Problem(Value):
    """Body of every answer with a status of 400 or more: problem details (RFC 9457), as ``PROBLEM_MEDIA_TYPE``.

    ``code`` and ``hint`` are extension members. Others are ignored, as section 3.2 asks.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    type: str = Field(description="page and row that explain the code, relative to the oracle's source")
    title: str = Field(description="what the code stands for, the same in each of its problems")
    status: int = Field(ge=400, lt=600, description="HTTP status")
    detail: str = Field(description="what was expected and what came")
    instance: str = Field(description="path of the request")
    code: str = Field(description="stable name, e.g. model_unknown")
    hint: str | None = Field(default=None, description="what to do")
