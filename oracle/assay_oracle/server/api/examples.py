"""What the OpenAPI document shows: an example of each message, and of each problem that a call can end with."""

from collections import defaultdict
from typing import Any

from fastapi import FastAPI

from assay.errors import AssayError, EnvelopeInvalid, NodeUnreachable, QuoteExpired
from assay.protocol.messages import (
    PROBLEM_MEDIA_TYPE,
    AcceptanceRequest,
    AppraisalSummary,
    BuyerStatement,
    LoginChallenge,
    LoginRequest,
    LoginSession,
    ModelInfo,
    OfferRequest,
    OfferState,
    OfferStatus,
    OracleInfo,
    OrderRecord,
    Problem,
    QuoteRequest,
)
from assay.protocol.schema import Feature, Schema
from assay.protocol.structs import ModelTerms, Quote
from assay.protocol.types import ContentId, ModelId, OfferId, OrderId, Value
from assay_oracle import errors
from assay_oracle.server.api.problems import problem_of

Responses = dict[int | str, dict[str, Any]]

_MODEL = ModelId(bytes.fromhex("cd36b49d7b2a8b5e4e13663cb54c5e1338c17b7d3af1c506fb3842bd08291822"))
_CONTENT = ContentId(bytes.fromhex("d1988cd3019824f075f61677e1a6f54b16035868488e4051757dde53adeef80f"))
_ROOT = bytes.fromhex("2b53d21379ba77e920034c3734e7cbea835bb9cfe19db252687bfa0d505139cf")
_EVALUATION = bytes.fromhex("0e058434df3f535ddc11a188e7366d547afe1456475acd32fb5271b016e36b25")
_SELLER = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
_BUYER = "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"
_CONTRACT = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
_OFFER = OfferId(bytes(range(32)))
_NONCE = bytes(range(32, 64))
_SIGNATURE = bytes(range(64)) + b"\x1b"
_RECIPIENT = "age1lggyhqrw2nlhcxprm67z43rta597azn8gknawjehu9d9dl0jq3yqqvfafg"
_ENVELOPE = "-----BEGIN AGE ENCRYPTED FILE-----\n...\n-----END AGE ENCRYPTED FILE-----\n"
_QUOTE = Quote(
    model_id=_MODEL,
    content_id=_CONTENT,
    seller=_SELLER,
    data_root=_ROOT,
    price=10**17,
    expiry=1_800_000_000,
    evaluation=_EVALUATION,
)
ORDER_ID = OrderId(_QUOTE.order_id())

INFO = OracleInfo(
    version="0.1.0",
    chain_id=31337,
    contract=_CONTRACT,
    oracle="0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266",
    recipient=_RECIPIENT,
    recipient_signature=_SIGNATURE,
    max_upload_bytes=2**28,
    models=(_MODEL,),
)
MODEL = ModelInfo(
    model_id=_MODEL,
    terms=ModelTerms(
        owner=_BUYER,
        function_hash=_EVALUATION,
        delivery_key=_NONCE,
        max_price=10**18,
        reveal_window=86_400,
        dispute_window=86_400,
    ),
    schema=Schema(
        task="classification", features=(Feature(name="x0"), Feature(name="x1")), label="y", classes=("0", "1", "2")
    ),
    metric="log_loss",
    pricing="graded",
    method="distillation",
    fidelity=0.97,
    price_cap=10**18,
    remainder=_NONCE,
)
CHALLENGE = LoginChallenge(nonce=_NONCE, seconds=120)
LOGIN = LoginRequest(account=_SELLER, oracle="https://oracle.example", nonce=_NONCE, signature=_SIGNATURE)
SESSION = LoginSession(account=_SELLER, token=80 * "a", expires_at=1_800_000_000)
OFFER = OfferRequest(
    model_id=_MODEL,
    seller=_SELLER,
    data_root=_ROOT,
    nonce=_NONCE,
    signature=_SIGNATURE,
    upload_bytes=4096,
    sealed_key=_ENVELOPE,
)
OPENED = OfferState(offer_id=_OFFER, status=OfferStatus.UPLOADING, received_bytes=0, upload_bytes=4096)
UPLOADED = OfferState(offer_id=_OFFER, status=OfferStatus.PRICING, received_bytes=4096, upload_bytes=4096)
QUOTED = OfferState(
    offer_id=_OFFER,
    status=OfferStatus.QUOTED,
    received_bytes=4096,
    upload_bytes=4096,
    quote=_QUOTE,
    oracle_signature=_SIGNATURE,
    appraisal=AppraisalSummary(records=100, priced=98, fidelity=0.97, reasons=("98 records improve the model",)),
    order_id=ORDER_ID,
)
ACCEPTED = QUOTED.model_copy(update={"status": OfferStatus.ACCEPTED})
DECLINED = OPENED.model_copy(
    update={"status": OfferStatus.DECLINED, "code": "seller_declined", "reason": "the seller declined"}
)
EXPIRY = QuoteRequest(expiry=1_800_000_000)
ACCEPTANCE = AcceptanceRequest(key_hash=_EVALUATION, signature=_SIGNATURE)
STATEMENT = BuyerStatement(signature=_SIGNATURE)
UPLOAD_BODY: dict[str, Any] = {
    "requestBody": {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}
}
_BYTES = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
FILE: Responses = {
    200: {"description": "the whole file", "content": _BYTES},
    206: {"description": "the bytes that `Range` asks for", "content": _BYTES},
}
ORDER = OrderRecord(order_id=ORDER_ID, model_id=_MODEL, seller=_SELLER, sealed_bytes=4096, key_escrow=_SIGNATURE)

RATE = errors.RateExceeded("expected at most 500 requests of one account at once; got more", retry_after=1)
INVALID = errors.RequestInvalid("the request is not of the protocol's form: path.offer_id: expected 32 bytes in 0x-hex")
TIMED_OUT = errors.RequestTimedOut("expected the body within 30 seconds, got less")
TOO_LARGE = errors.RequestTooLarge("expected a body of at most 65536 bytes, got more")
FAULTS = (
    errors.InternalError("the oracle failed to serve this request; its log has the cause", hint="try again later"),
    NodeUnreachable("no answer from the node"),
    errors.StorageUnavailable("the oracle's store of uploads and deliveries does not answer"),
)
PUBLIC = (INVALID, RATE, *FAULTS)
WITH_BODY = (TIMED_OUT, TOO_LARGE)
PARTY = (
    errors.TokenMissing("expected a session's token, got none", hint="log in: GET and POST /v1/login"),
    errors.TokenInvalid("expected the token of a session of this oracle that has not expired, got another"),
    *PUBLIC,
)
OPERATOR = (
    errors.TokenMissing("expected the operator's token, got none"),
    errors.TokenInvalid("expected the operator's token, got another"),
    *PUBLIC,
)
OFFER_UNKNOWN = errors.OfferUnknown(f"expected an offer of {_SELLER}, there is none with id 0x{_OFFER.hex()}")
ORDER_UNKNOWN = errors.OrderUnknown(f"expected an order of {_BUYER}, there is none with id 0x{ORDER_ID.hex()} on chain")
MODEL_UNKNOWN = errors.ModelUnknown(f"expected a model that this oracle prices for, got 0x{_MODEL.hex()}")
MODEL_UNAVAILABLE = errors.ModelUnavailable(f"expected a model that can be priced for now, 0x{_MODEL.hex()} cannot")
SIGNATURE_INVALID = errors.SignatureInvalid(f"expected a signature of {_SELLER}, got another")
LOGIN_INVALID = errors.LoginInvalid("expected a new challenge, got one that was used", hint="ask for another")
OPENING = (
    SIGNATURE_INVALID,
    MODEL_UNKNOWN,
    MODEL_UNAVAILABLE,
    EnvelopeInvalid("the envelope is not for this oracle, or was altered"),
    errors.OfferConflict("expected 4096 bytes and the key that this offer was opened with, got others"),
    errors.ModelNotReady("model_halted", "the model accepts no quotes at present", hint="ask its owner"),
    errors.UploadTooLarge("expected an upload of at most 268435456 bytes, got 268435457"),
    errors.TooManyOffers("expected at most 4 open offers of one seller, got more"),
)
UPLOADING = (
    OFFER_UNKNOWN,
    errors.UploadOffsetMismatch("expected bytes from offset 512, got offset 1024"),
    errors.UploadBusy("another request is appending to this upload"),
    errors.UploadTooLarge("expected at most 512 more bytes of this upload, got 1024 or more"),
    errors.StorageFull("expected room for 512 bytes, there is none"),
    TIMED_OUT,
)
QUOTING = (
    OFFER_UNKNOWN,
    errors.OfferConflict("expected an offer with an open quote, this one is pricing"),
    errors.RequestInvalid("expected an expiry from 1799913601 to 1800000000, got 1800000001"),
    errors.ModelNotReady("oracle_replaced", f"the model's oracle is {_BUYER}, not {_SELLER}"),
    NodeUnreachable("no answer from the node"),
)
ACCEPTING = (
    OFFER_UNKNOWN,
    errors.OfferConflict("expected an offer with an open quote, this one is pricing"),
    QuoteExpired("the quote expired at 1800000000"),
    errors.KeyMismatch("expected the hash of the key that opens the priced file, for this order; got another hash"),
    SIGNATURE_INVALID,
)
DECLINING = (OFFER_UNKNOWN, errors.OfferConflict("expected an offer that is not accepted, this one is accepted"))
DOWNLOADING = (
    ORDER_UNKNOWN,
    errors.DeliveryDeleted("the sealed file was deleted: files are kept for 2592000 s after an order is closed"),
    errors.RangeInvalid("expected one range of bytes from 0 to 4095, as bytes=FIRST-, got 'bytes=9999-'"),
)
SIGNING = (ORDER_UNKNOWN, SIGNATURE_INVALID)


def answers(value: Value, *refusals: AssayError, status: int = 200) -> Responses:
    """The answers of a call: the one that it is for, and the problems that it can end with, each with an example."""
    shown = {"content": {"application/json": {"example": value.model_dump(mode="json", by_alias=True)}}}
    return {status: shown} | problems(*refusals)


def problems(*refusals: AssayError) -> Responses:
    """The problems that a call can end with, by status."""
    by_status: dict[int, list[Problem]] = defaultdict(list)
    for error in refusals:
        problem = problem_of(error, "/v1/...")
        by_status[problem.status].append(problem)
    return {status: _described(status, found) for status, found in sorted(by_status.items())}


def _described(status: int, found: list[Problem]) -> dict[str, Any]:
    examples = {
        problem.code: {"summary": problem.title, "value": problem.model_dump(mode="json", exclude_none=True)}
        for problem in found
    }
    described: dict[str, Any] = {
        "description": "; ".join(f"`{problem.code}`: {problem.title}" for problem in found),
        "content": {PROBLEM_MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "examples": examples}},
    }
    header = {401: "WWW-Authenticate", 429: "Retry-After", 503: "Retry-After"}.get(status)
    if header:
        kind = "string" if status == 401 else "integer"
        described["headers"] = {header: {"required": True, "schema": {"type": kind}}}
    return described


def taken(value: Value) -> dict[str, Any]:
    """An example of a request's body."""
    return {"requestBody": {"content": {"application/json": {"example": value.model_dump(mode="json")}}}}


def add_openapi(app: FastAPI) -> None:
    """Lets the document name the form of problems, which no call returns as its value."""
    generate = app.openapi

    def with_problems() -> dict[str, Any]:
        document = generate()
        document["components"]["schemas"]["Problem"] = Problem.model_json_schema(mode="serialization")
        return document

    app.openapi = with_problems  # type: ignore[method-assign]
