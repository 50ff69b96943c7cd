"""One list of steps, for every chain that a ``Stage`` stands for: each transition of a sale, and each refusal."""

import hashlib
import io
import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount

from assay.chain.port import Chain
from assay.chain.values import Cursor, EventKind
from assay.errors import ContractReverted
from assay.protocol import seal
from assay.protocol.statements import Domain, digest
from assay.protocol.structs import ModelTerms, Order, Quote, key_hash
from assay.protocol.types import NATIVE_TOKEN
from tests.kit.actors import buyer_account, oracle_account, patient_account, rival_account, seller_account
from tests.kit.stage import Stage

HOUR = 3600
DAY = 86_400
PRICE = 10**15
CHUNK = 1024
SENDERS = (buyer_account, oracle_account, rival_account, patient_account)
"""Accounts that send transactions. ``seller_account`` sends none: its balance shows what it was paid."""
refusing_account: LocalAccount = Account.from_key(b"\x06" * 32)
WALLET = "0x" + 38 * "0" + "77"
TERMS = ModelTerms(
    owner=buyer_account.address,
    function_hash=hashlib.sha256(b"function").digest(),
    delivery_key=hashlib.sha256(b"delivery").digest(),
    max_price=10 * PRICE,
    reveal_window=HOUR,
    dispute_window=HOUR,
)
MODELS = {
    "plain": TERMS,
    "receipts": TERMS.model_copy(update={"require_receipt": True, "salt": b"\x01" * 32}),
    "secured": TERMS.model_copy(update={"require_receipt": True, "seller_bond": 7, "salt": b"\x02" * 32}),
    "forfeit": TERMS.model_copy(update={"seller_bond": 5, "salt": b"\x03" * 32}),
    "bonded": TERMS.model_copy(update={"oracle_bond": 9, "salt": b"\x04" * 32}),
    "unknown": TERMS.model_copy(update={"salt": b"\x05" * 32}),
}


Event = tuple[EventKind, bytes, bytes | None, Order | None]
"""Kind, order id, key, posted order."""


@dataclass(frozen=True)
class Goods:
    """A sealed file with its key, at fixed salts: the same bytes on every stage."""

    key: bytes
    sealed: bytes
    root: bytes

    def proof(self, index: int) -> seal.ChunkProof:
        return seal.prove(io.BytesIO(self.sealed), index)

    def plaintext(self) -> tuple[bytes, tuple[bytes, ...]]:
        return seal.plaintext(io.BytesIO(self.sealed), self.key)


@cache
def goods(name: str) -> Goods:
    """Six chunks, the last one shorter."""
    key, salts = hashlib.sha256(name.encode()).digest(), itertools.count()
    target = io.BytesIO()
    source = io.BytesIO(name.encode().ljust(64, b".") * 90)
    commitment = seal.seal(source, target, key, chunk_size=CHUNK, salts=lambda n: next(salts).to_bytes(n, "big"))
    return Goods(key, target.getvalue(), commitment.data_root)


@dataclass(frozen=True)
class Observed:
    """What a step did: the contract's refusal, if any, and everything that can be read afterwards."""

    refusal: tuple[str, dict[str, Any]] | None
    time: int
    blocks: int
    orders: dict[str, Any]
    models: dict[str, Any]
    credits: dict[str, int]
    paid: dict[str, int]


class Play:
    """A scenario on one stage, from ``start`` (unix time) on."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.reader = stage.chain(None)
        self.start = self.reader.block_time()
        self._first_block = self.reader.block_number()
        self.orders: dict[str, Order] = {}
        self.cursor: Cursor | None = None
        self._last: Observed | None = None
        self.read: list[tuple[bool, list[Event]]] = []
        for payee in (seller_account.address, WALLET):
            stage.paid(payee)

    @property
    def domain(self) -> Domain:
        return self.reader.domain

    def by(self, account: LocalAccount) -> Chain:
        """The chain as ``account`` sees it."""
        return self.stage.chain(account)

    # --- statements ---------------------------------------------------------------------------------------------------

    def quote(self, name: str, model: str = "plain", **changes: Any) -> Quote:
        return Quote(
            **{
                "model_id": self.reader.model_id(MODELS[model]),
                "content_id": hashlib.sha256(b"content" + name.encode()).digest(),
                "seller": seller_account.address,
                "data_root": goods(name).root,
                "price": PRICE,
                "expiry": self.start + 30 * DAY,
                "evaluation": bytes(32),
            }
            | changes
        )

    def post(
        self,
        name: str,
        model: str = "plain",
        *,
        sender: LocalAccount = oracle_account,
        oracle: LocalAccount = oracle_account,
        seller: LocalAccount | str = seller_account,
        key: bytes | None = None,
        signed: Quote | None = None,
        acceptance: bytes | None = None,
        locked: bytes | None = None,
        **changes: Any,
    ) -> None:
        """Posts an order. Its statements are right but for what is named."""
        payee = seller if isinstance(seller, str) else seller.address
        quote = self.quote(name, model, **{"seller": payee} | changes)
        lock = key_hash(quote.order_id(), key or goods(name).key)
        message = self.domain.acceptance(digest(self.domain.quote(quote)), locked or lock)
        by_oracle = bytes(oracle.sign_message(self.domain.quote(signed or quote)).signature)
        if acceptance is None:
            assert not isinstance(seller, str), "a wallet has no key: pass its acceptance"
            acceptance = bytes(seller.sign_message(message).signature)
        terms = MODELS[model]
        self.by(sender).post(terms, quote, by_oracle, lock, acceptance)
        self.orders[name] = Order.of(terms, quote, lock)

    def reveal(self, name: str, *, key: bytes | None = None, receipt: bytes = b"", **options: Any) -> None:
        sender = options.pop("sender", rival_account)
        order = self.orders[name].model_copy(update=options)
        self.by(sender).reveal_key(order, goods(name).key if key is None else key, receipt)

    def dispute(self, name: str, chunk: int = 0, *, key: bytes | None = None, **changes: Any) -> None:
        proof = goods(name).proof(chunk).model_copy(update=changes)
        self.by(rival_account).dispute(self.orders[name], key or goods(name).key, proof)

    def reveal_data(self, name: str, **changes: Any) -> None:
        plaintext, digests = goods(name).plaintext()
        given = {"chunk_size": CHUNK, "plaintext": plaintext, "sealed_digests": digests} | changes
        self.by(rival_account).reveal_data(self.orders[name], **given)

    def settle(self, name: str, *, by: LocalAccount = buyer_account, **changes: Any) -> None:
        order = self.orders[name].model_copy(update=changes)
        message = self.domain.acknowledgement(order.digest())
        self.by(rival_account).settle(order, bytes(by.sign_message(message).signature))

    def receipt(self, name: str, by: LocalAccount = buyer_account) -> bytes:
        return bytes(by.sign_message(self.domain.receipt(self.orders[name].digest())).signature)

    def acknowledgement(self, name: str) -> bytes:
        message = self.domain.acknowledgement(self.orders[name].digest())
        return bytes(buyer_account.sign_message(message).signature)

    def wallet_acceptance(self, name: str) -> bytes:
        """How the wallet signs: with the digest itself."""
        quote = self.quote(name, seller=WALLET)
        lock = key_hash(quote.order_id(), goods(name).key)
        return digest(self.domain.acceptance(digest(self.domain.quote(quote)), lock))

    def until_deadline(self, name: str, more: int = 0) -> None:
        """Moves the chain's clock to an order's deadline, and ``more`` seconds past it."""
        deadline = self.reader.order_state(self.orders[name].order_id()).deadline
        self.stage.pass_time(deadline + more - self.reader.block_time())

    # --- what came of it ----------------------------------------------------------------------------------------------

    def take(self, act: Callable[["Play"], object]) -> Observed:
        """Takes a step, and looks at everything."""
        refusal = None
        try:
            act(self)
        except ContractReverted as error:
            refusal = error.error, error.arguments
        blocks = self.reader.block_number() - self._first_block
        if refusal and self.stage.refusals_change_nothing and self._last and self._last.blocks == blocks:
            return replace(self._last, refusal=refusal)
        accounts = (seller_account, patient_account, refusing_account)
        self._last = Observed(
            refusal=refusal,
            time=self.reader.block_time(),
            blocks=blocks,
            orders={name: self.reader.order_state(order.order_id()) for name, order in self.orders.items()},
            models={name: self.reader.model_state(self.reader.model_id(terms)) for name, terms in MODELS.items()},
            credits={who.address: self.reader.credit(NATIVE_TOKEN, who.address) for who in accounts},
            paid={payee: self.stage.paid(payee) for payee in (seller_account.address, WALLET)},
        )
        return self._last

    def read_events(self) -> None:
        """Reads events since the last call into ``read``, with whether the chain was reorganised meanwhile."""
        found: list[Event] = []
        reorganised = False
        while True:
            page = self.reader.events_since(self.cursor)
            self.cursor, reorganised = page.cursor, reorganised or page.reorganised
            found += [
                (event.kind, event.order_id, event.key, event.posted.order if event.posted else None)
                for event in page.events
            ]
            if page.complete:
                self.read.append((reorganised, found))
                return

    def records(self) -> dict[str, Any]:
        """What can be looked up of every order and model."""
        ids = {name: order.order_id() for name, order in self.orders.items()}
        return {
            "domain": self.domain,
            "keys": {name: self.reader.revealed_key(found) for name, found in ids.items()},
            "data": {name: self.reader.revealed_data(found) for name, found in ids.items()},
            "posted": {name: [p.order for p in self.reader.posted(order_id=found)] for name, found in ids.items()},
            "of_model": [p.order for p in self.reader.posted(model_id=self.reader.model_id(TERMS))],
            "of_seller": [p.order for p in self.reader.posted(seller=seller_account.address)],
            "terms": {name: self.reader.model_terms(self.reader.model_id(terms)) for name, terms in MODELS.items()},
            "bonds": self.reader.oracle_bond(self.reader.model_id(MODELS["bonded"]), oracle_account.address),
            "contracts": [self.reader.is_contract(account) for account in (WALLET, seller_account.address)],
            "valid": [self.reader.is_valid_signature(WALLET, TERMS.function_hash, TERMS.function_hash)],
            "invalid": [self.reader.is_valid_signature(WALLET, TERMS.function_hash, bytes(32))],
        }
