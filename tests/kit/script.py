"""The steps of the scenario in ``scenario.py``, each with the refusal that it must meet, if any."""

from collections.abc import Callable
from typing import Any

from assay.protocol.types import NATIVE_TOKEN
from tests.kit.actors import buyer_account, oracle_account, patient_account, rival_account, seller_account
from tests.kit.scenario import CHUNK, HOUR, MODELS, PRICE, TERMS, WALLET, Play, goods, refusing_account

Step = tuple[str, str | None, Callable[[Play], Any]]
WRONG = bytes(32)
BUDGET = 100 * PRICE
OWN: dict[str, Any] = {"sender": rival_account, "seller": rival_account}


def register(model: str) -> Step:
    return (
        f"register {model}",
        None,
        lambda p: p.by(buyer_account).register_model(MODELS[model], oracle_account.address),
    )


def fund(model: str, amount: int = BUDGET) -> Step:
    return f"fund {model}", None, lambda p: p.by(buyer_account).fund(MODELS[model], amount)


def post(name: str, model: str = "plain", **options: Any) -> Step:
    return f"post {name}", None, lambda p: p.post(name, model, **options)


MODEL_STEPS: list[Step] = [
    (
        "a stranger registers",
        "CallerNotOwner",
        lambda p: p.by(rival_account).register_model(TERMS, oracle_account.address),
    ),
    ("no oracle", "ZeroAddress", lambda p: p.by(buyer_account).register_model(TERMS, NATIVE_TOKEN)),
    (
        "a window too short",
        "WindowOutOfBounds",
        lambda p: p.by(buyer_account).register_model(
            TERMS.model_copy(update={"reveal_window": HOUR - 1}), oracle_account.address
        ),
    ),
    (
        "a window too long",
        "WindowOutOfBounds",
        lambda p: p.by(buyer_account).register_model(
            TERMS.model_copy(update={"dispute_window": 30 * 24 * HOUR + 1}), oracle_account.address
        ),
    ),
    ("fund an unknown model", "ModelUnknown", lambda p: p.by(buyer_account).fund(TERMS, 1)),
    register("plain"),
    (
        "register it again",
        "ModelExists",
        lambda p: p.by(buyer_account).register_model(TERMS, rival_account.address),
    ),
    ("fund with nothing", "ZeroAmount", lambda p: p.by(buyer_account).fund(TERMS, 0)),
    fund("plain", 3 * PRICE),
    ("fund by anyone", None, lambda p: p.by(rival_account).fund(TERMS, 5)),
    ("fund beyond 96 bits", "AmountTooLarge", lambda p: p.by(buyer_account).fund(TERMS, 2**96 - 1)),
]

POSTING: list[Step] = [
    ("an expired quote", "QuoteExpired", lambda p: p.post("first", expiry=p.start - 1)),
    ("a price of zero", "PriceOutOfBounds", lambda p: p.post("first", price=0)),
    ("a price above the terms'", "PriceOutOfBounds", lambda p: p.post("first", price=TERMS.max_price + 1)),
    ("a model that nobody registered", "ModelUnknown", lambda p: p.post("first", "unknown")),
    ("a quote for another model", "ModelMismatch", lambda p: p.post("first", model_id=WRONG)),
    ("a quote by another", "QuoteSignatureInvalid", lambda p: p.post("first", oracle=rival_account)),
    ("another price", "QuoteSignatureInvalid", lambda p: p.post("first", price=1, signed=p.quote("first"))),
    ("an acceptance of another key", "AcceptanceSignatureInvalid", lambda p: p.post("first", locked=WRONG)),
    ("no acceptance", "AcceptanceSignatureInvalid", lambda p: p.post("first", acceptance=b"")),
    ("a long acceptance", "AcceptanceSignatureInvalid", lambda p: p.post("first", acceptance=bytes(66))),
    post("first"),
    ("the pair again", "PairUsed", lambda p: p.post("first")),
    ("the pair again at another price", "PairUsed", lambda p: p.post("first", price=1)),
    ("beyond the budget", "BudgetTooSmall", lambda p: p.post("dear", price=4 * PRICE)),
    fund("plain"),
    (
        "posted by the seller without a signature of his",
        None,
        lambda p: p.post("own", **OWN, acceptance=b""),
    ),
    (
        "and without the oracle's",
        "QuoteSignatureInvalid",
        lambda p: p.post("other", **OWN, oracle=rival_account),
    ),
]

SETTLING: list[Step] = [
    ("another order", "OrderMismatch", lambda p: p.reveal("first", price=1)),
    ("an order never posted", "OrderMismatch", lambda p: p.reveal("first", content_id=WRONG)),
    ("a wrong key", "KeyMismatch", lambda p: p.reveal("first", key=WRONG)),
    ("finalize while locked", "StatusMismatch", lambda p: p.by(rival_account).finalize(p.orders["first"])),
    ("dispute while locked", "StatusMismatch", lambda p: p.dispute("first")),
    ("refund too early", "DeadlineNotPassed", lambda p: p.by(rival_account).refund(p.orders["first"])),
    ("reveal", None, lambda p: p.reveal("first")),
    ("reveal again", "StatusMismatch", lambda p: p.reveal("first")),
    ("refund what was revealed", "StatusMismatch", lambda p: p.by(rival_account).refund(p.orders["first"])),
    ("finalize too early", "DeadlineNotPassed", lambda p: p.by(rival_account).finalize(p.orders["first"])),
    ("settle by the seller's word", "BuyerSignatureInvalid", lambda p: p.settle("first", by=seller_account)),
    ("settle", None, lambda p: p.settle("first")),
    ("settle again", "StatusMismatch", lambda p: p.settle("first")),
    (
        "settle another order",
        "OrderMismatch",
        lambda p: p.settle("first", price=1),
    ),
    (
        "settle while locked, sent by the buyer",
        None,
        lambda p: p.by(buyer_account).settle(p.orders["own"], b""),
    ),
]

DISPUTES: list[Step] = [
    post("honest"),
    ("reveal honest", None, lambda p: p.reveal("honest")),
    ("dispute with another key", "KeyMismatch", lambda p: p.dispute("honest", key=WRONG)),
    ("dispute a good chunk", "ChunkMatches", lambda p: p.dispute("honest", 3)),
    ("dispute the last chunk", "ChunkMatches", lambda p: p.dispute("honest", 5)),
    ("a chunk that is none", "ChunkIndexOutOfBounds", lambda p: p.dispute("honest", index=6)),
    ("a chunk cut short", "ChunkLengthMismatch", lambda p: p.dispute("honest", sealed_chunk=bytes(CHUNK - 1))),
    ("no path", "ProofLengthMismatch", lambda p: p.dispute("honest", path=())),
    ("a path too long", "ProofLengthMismatch", lambda p: p.dispute("honest", path=(WRONG,) * 4)),
    ("another path", "CommitmentMismatch", lambda p: p.dispute("honest", path=(WRONG,) * 3)),
    ("another chunk", "CommitmentMismatch", lambda p: p.dispute("honest", sealed_chunk=bytes(CHUNK))),
    ("another size", "LayoutInvalid", lambda p: p.dispute("honest", chunk_size=1000)),
    ("a last chunk without data", "LayoutInvalid", lambda p: p.dispute("honest", total_bytes=CHUNK + 16)),
    ("to the deadline", None, lambda p: p.until_deadline("honest")),
    ("disputable at the deadline", "ChunkMatches", lambda p: p.dispute("honest")),
    ("not final at the deadline", "DeadlineNotPassed", lambda p: p.by(rival_account).finalize(p.orders["honest"])),
    ("past the deadline", None, lambda p: p.until_deadline("honest", 1)),
    ("dispute too late", "DeadlinePassed", lambda p: p.dispute("honest")),
    ("finalize", None, lambda p: p.by(rival_account).finalize(p.orders["honest"])),
    ("finalize again", "StatusMismatch", lambda p: p.by(rival_account).finalize(p.orders["honest"])),
    post("corrupted", key=WRONG),
    ("reveal the key that opens nothing", None, lambda p: p.reveal("corrupted", key=WRONG)),
    ("dispute", None, lambda p: p.dispute("corrupted", 2, key=WRONG)),
    ("dispute again", "StatusMismatch", lambda p: p.dispute("corrupted", 2, key=WRONG)),
    ("settle what was disputed", "StatusMismatch", lambda p: p.settle("corrupted")),
]

SILENCE: list[Step] = [
    post("silent"),
    post("punctual"),
    ("to the deadline of the reveal", None, lambda p: p.until_deadline("silent")),
    ("no refund at the deadline", "DeadlineNotPassed", lambda p: p.by(rival_account).refund(p.orders["silent"])),
    ("reveal at the deadline", None, lambda p: p.reveal("punctual")),
    ("past it", None, lambda p: p.until_deadline("silent", 1)),
    ("reveal too late", "DeadlinePassed", lambda p: p.reveal("silent")),
    ("reveal the data too late", "DeadlinePassed", lambda p: p.reveal_data("silent")),
    ("refund", None, lambda p: p.by(rival_account).refund(p.orders["silent"])),
    ("refund again", "StatusMismatch", lambda p: p.by(rival_account).refund(p.orders["silent"])),
    ("a refunded pair stays used", "PairUsed", lambda p: p.post("silent")),
]

DIRECT: list[Step] = [
    post("direct"),
    ("too few digests", "LengthMismatch", lambda p: p.reveal_data("direct", sealed_digests=())),
    ("other data", "CommitmentMismatch", lambda p: p.reveal_data("direct", plaintext=goods("first").plaintext()[0])),
    ("no data", "LayoutInvalid", lambda p: p.reveal_data("direct", plaintext=b"")),
    ("reveal the data", None, lambda p: p.reveal_data("direct")),
    ("reveal the data again", "StatusMismatch", lambda p: p.reveal_data("direct")),
]

TERMS_THAT_ASK_FOR_MORE: list[Step] = [
    register("receipts"),
    fund("receipts"),
    post("signed", "receipts"),
    ("no receipt", "BuyerSignatureInvalid", lambda p: p.reveal("signed")),
    (
        "an acknowledgement is none",
        "BuyerSignatureInvalid",
        lambda p: p.reveal("signed", receipt=p.acknowledgement("signed")),
    ),
    (
        "another's receipt",
        "BuyerSignatureInvalid",
        lambda p: p.reveal("signed", receipt=p.receipt("signed", seller_account)),
    ),
    ("reveal with the receipt", None, lambda p: p.reveal("signed", receipt=p.receipt("signed"))),
    register("secured"),
    fund("secured"),
    ("no credit for the bond", "CreditTooSmall", lambda p: p.post("secured", "secured", seller=patient_account)),
    ("the pair is free after that", None, lambda p: p.stage.deposit(patient_account, 10)),
    post("secured", "secured", seller=patient_account),
    ("past secured", None, lambda p: p.until_deadline("secured", 1)),
    ("refund gives the bond back", None, lambda p: p.by(rival_account).refund(p.orders["secured"])),
    register("forfeit"),
    fund("forfeit"),
    post("forfeit", "forfeit", seller=patient_account),
    ("past forfeit", None, lambda p: p.until_deadline("forfeit", 1)),
    ("refund keeps the bond", None, lambda p: p.by(rival_account).refund(p.orders["forfeit"])),
    register("bonded"),
    fund("bonded"),
    ("an oracle without a bond", "OracleBondTooSmall", lambda p: p.post("bonded", "bonded")),
]

PAYEES: list[Step] = [
    post("refused", seller=refusing_account),
    ("the seller refuses payments", None, lambda p: p.stage.refuse_payments(refusing_account.address)),
    ("settle: credited", None, lambda p: p.settle("refused")),
    ("a wallet", None, lambda p: p.stage.make_wallet(WALLET)),
    (
        "a signature that the wallet does not accept",
        "AcceptanceSignatureInvalid",
        lambda p: p.post("wallet", acceptance=WRONG, seller=WALLET),
    ),
    (
        "the wallet's signature",
        None,
        lambda p: p.post("wallet", acceptance=p.wallet_acceptance("wallet"), seller=WALLET),
    ),
    ("settle: paid to the wallet", None, lambda p: p.settle("wallet")),
]

END: list[Step] = [
    post("open"),
    ("halt", None, lambda p: p.stage.halt(TERMS, buyer_account)),
    ("a halted model", "ModelHalted", lambda p: p.post("late")),
    ("what was posted is revealed", None, lambda p: p.reveal("open")),
    ("and settled", None, lambda p: p.settle("open")),
]

REORGANISATION: list[Step] = [
    post("kept", "receipts"),
    ("read the events", None, lambda p: p.read_events()),
    post("dropped", "receipts"),
    ("settle kept", None, lambda p: p.settle("kept")),
    ("read the next events", None, lambda p: p.read_events()),
    ("the last two blocks are replaced", None, lambda p: p.stage.reorganise(2)),
    ("settle kept again", None, lambda p: p.settle("kept")),
    post("dropped", "receipts"),
    ("read the events again", None, lambda p: p.read_events()),
]

STEPS = [
    *MODEL_STEPS,
    *POSTING,
    *SETTLING,
    *DISPUTES,
    *SILENCE,
    *DIRECT,
    *TERMS_THAT_ASK_FOR_MORE,
    *PAYEES,
    *END,
    *REORGANISATION,
]
