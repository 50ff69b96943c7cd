"""A settlement contract with a buyer, an oracle and a seller around it, and the steps of a sale by name."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import ape
from eth_account import Account
from eth_account.messages import SignableMessage

from assay.protocol.statements import Domain, digest
from assay.protocol.structs import ModelTerms, Order, Quote, Status, key_hash
from assay.protocol.tree import ChunkProof
from assay.protocol.types import NATIVE_TOKEN
from tests.contracts.sale import DAY, ETHER, HOUR, PRICE, Sale, Sealed, bytes32


@dataclass(frozen=True)
class Currency:
    """What a model pays in: the native coin, or a token."""

    address: str = NATIVE_TOKEN
    token: Any = None

    def balance(self, account: Any) -> int:
        return int(self.token.balanceOf(account) if self.token else account.balance)


@dataclass
class World:
    """The contract and its actors; every step is one transaction."""

    settlement: Any
    chain: Any
    buyer: Any
    oracle: Any
    seller: Any
    relayer: Any
    sealed: Sealed = field(default_factory=lambda: Sealed.of(bytes(range(256)) * 12))

    @property
    def domain(self) -> Domain:
        return Domain(chain_id=self.chain.chain_id, contract=self.settlement.address)

    @property
    def now(self) -> int:
        return int(self.chain.pending_timestamp)

    # --- off chain ---

    def terms(self, **changes: Any) -> ModelTerms:
        values: dict[str, Any] = {
            "owner": self.buyer.address,
            "function_hash": bytes32("price function"),
            "delivery_key": bytes32("delivery key"),
            "max_price": ETHER,
            "reveal_window": HOUR,
            "dispute_window": 2 * HOUR,
        }
        return ModelTerms(**(values | changes))

    def model_id(self, terms: ModelTerms) -> bytes:
        return terms.model_id(self.chain.chain_id, self.settlement.address)

    def sign(self, account: Any, message: SignableMessage) -> bytes:
        return bytes(Account.sign_message(message, account.private_key).signature)

    def quote(self, terms: ModelTerms, **changes: Any) -> Quote:
        values: dict[str, Any] = {
            "model_id": self.model_id(terms),
            "content_id": bytes32("records"),
            "seller": self.seller.address,
            "data_root": self.sealed.commitment.data_root,
            "price": PRICE,
            "expiry": self.now + DAY,
            "evaluation": bytes32("appraisal"),
        }
        return Quote(**(values | changes))

    def agree(
        self,
        terms: ModelTerms,
        *,
        sealed: Sealed | None = None,
        key: bytes | None = None,
        lock: bytes | None = None,
        **quote_changes: Any,
    ) -> Sale:
        """Oracle signs a quote, seller accepts it under ``key``: the sealed file's, unless the seller lies."""
        sealed = sealed or self.sealed
        key = key or sealed.key
        quote = self.quote(terms, **({"data_root": sealed.commitment.data_root} | quote_changes))
        lock = lock or key_hash(quote.order_id(), key)
        order = Order.of(terms, quote, lock)
        quote_digest = digest(self.domain.quote(quote))
        return Sale(
            terms=terms,
            quote=quote,
            order=order,
            key=key,
            oracle_signature=self.sign(self.oracle, self.domain.quote(quote)),
            seller_signature=self.sign(self.seller, self.domain.acceptance(quote_digest, lock)),
            sealed=sealed,
        )

    def receipt(self, sale: Sale, signer: Any = None) -> bytes:
        return self.sign(signer or self.buyer, self.domain.receipt(sale.order.digest()))

    def acknowledgement(self, sale: Sale, signer: Any = None) -> bytes:
        return self.sign(signer or self.buyer, self.domain.acknowledgement(sale.order.digest()))

    # --- on chain ---

    def register(self, terms: ModelTerms | None = None) -> ModelTerms:
        terms = terms or self.terms()
        self.settlement.registerModel(terms.abi_values(), self.oracle.address, sender=self.buyer)
        return terms

    def fund(self, terms: ModelTerms, amount: int = ETHER) -> None:
        value = amount if terms.token == NATIVE_TOKEN else 0
        self.settlement.fund(terms.abi_values(), amount, sender=self.buyer, value=value)

    def open(self, budget: int = ETHER, **terms_changes: Any) -> ModelTerms:
        terms = self.register(self.terms(**terms_changes))
        self.fund(terms, budget)
        return terms

    def give(self, token: Any, amount: int = 100 * ETHER) -> Any:
        """Mints to buyer and seller, who let the contract take it."""
        for account in (self.buyer, self.seller):
            token.mint(account, amount, sender=account)
            token.approve(self.settlement, amount, sender=account)
        return token

    def deposit_bond(self, amount: int, token: str = NATIVE_TOKEN) -> Any:
        value = amount if token == NATIVE_TOKEN else 0
        return self.settlement.deposit(token, amount, sender=self.seller, value=value)

    def bond(self, terms: ModelTerms, amount: int) -> Any:
        """The buyer pays for its oracle's bond."""
        value = amount if terms.token == NATIVE_TOKEN else 0
        return self.settlement.bondOracle(
            terms.abi_values(), self.oracle.address, amount, sender=self.buyer, value=value
        )

    def post(self, sale: Sale, sender: Any = None) -> Any:
        return self.settlement.post(*sale.post_arguments, sender=sender or self.relayer)

    def reveal(self, sale: Sale, receipt: bytes = b"", sender: Any = None) -> Any:
        return self.settlement.revealKey(sale.order.abi_values(), sale.key, receipt, sender=sender or self.relayer)

    def dispute(self, sale: Sale, proof: ChunkProof | None = None, sender: Any = None, key: bytes | None = None) -> Any:
        proof = proof or sale.sealed.proof(0)
        return self.settlement.dispute(
            sale.order.abi_values(), key or sale.key, proof.abi_values(), sender=sender or self.relayer
        )

    def settle(self, sale: Sale, acknowledgement: bytes | None = None, sender: Any = None) -> Any:
        signature = acknowledgement if acknowledgement is not None else self.acknowledgement(sale)
        return self.settlement.settle(sale.order.abi_values(), signature, sender=sender or self.relayer)

    def finalize(self, sale: Sale, sender: Any = None) -> Any:
        return self.settlement.finalize(sale.order.abi_values(), sender=sender or self.relayer)

    def refund(self, sale: Sale, sender: Any = None) -> Any:
        return self.settlement.refund(sale.order.abi_values(), sender=sender or self.relayer)

    def reveal_data(self, sale: Sale, sender: Any = None, **options: Any) -> Any:
        return self.settlement.revealData(
            sale.order.abi_values(),
            sale.sealed.commitment.chunk_size,
            sale.sealed.plain,
            sale.sealed.sealed_digests,
            sender=sender or self.relayer,
            **options,
        )

    # --- many steps in one transaction ---

    def batch(self, calls: Sequence[bytes], sender: Any = None, **options: Any) -> Any:
        return self.settlement.batch(calls, sender=sender or self.relayer, **options)

    def post_call(self, sale: Sale) -> bytes:
        return self.encoded("post", *sale.post_arguments)

    def reveal_keys(self, sales: Sequence[Sale], receipts: Sequence[bytes] | None = None) -> Any:
        reveals = zip(sales, receipts or [b""] * len(sales), strict=True)
        return self.batch([self.encoded("revealKey", s.order.abi_values(), s.key, receipt) for s, receipt in reveals])

    def finalize_batch(self, sales: Sequence[Sale]) -> Any:
        return self.batch([self.encoded("finalize", sale.order.abi_values()) for sale in sales])

    def encoded(self, function: str, *arguments: Any) -> bytes:
        return bytes(getattr(self.settlement, function).encode_input(*arguments))

    # --- whole stretches of a sale ---

    def locked(self, *, sealed: Sealed | None = None, key: bytes | None = None, **terms_changes: Any) -> Sale:
        """A sale whose order was just posted, from a model opened for it."""
        sale = self.agree(self.open(**terms_changes), sealed=sealed, key=key)
        if sale.terms.seller_bond:
            self.deposit_bond(sale.terms.seller_bond, sale.terms.token)
        self.post(sale)
        return sale

    def many_locked(self, count: int, **terms_changes: Any) -> list[Sale]:
        """Sales of different records to one model."""
        terms = self.open(**terms_changes)
        sales = [self.agree(terms, content_id=bytes32(f"records {i}")) for i in range(count)]
        for sale in sales:
            self.post(sale)
        return sales

    def revealed(self, **changes: Any) -> Sale:
        """A sale whose key was just revealed."""
        sale = self.locked(**changes)
        self.reveal(sale, self.receipt(sale) if sale.terms.require_receipt else b"")
        return sale

    def sale_in(self, status: Status, **changes: Any) -> Sale:
        """A sale that has come as far as ``status``. One that is to be disputed has a key that opens nothing."""
        if status is Status.NONE:
            return self.agree(self.open(**changes))
        sale = self.locked(**changes, key=bytes32("wrong key") if status is Status.DISPUTED else None)
        if status is Status.PAID:
            self.settle(sale)
        elif status is Status.REFUNDED:
            self.at(self.deadline(sale) + 1)
            self.refund(sale)
        elif status is not Status.LOCKED:
            self.reveal(sale, self.receipt(sale) if sale.terms.require_receipt else b"")
            if status is Status.DISPUTED:
                self.dispute(sale)
        return sale

    # --- what is there ---

    def at(self, timestamp: int) -> None:
        """The next transaction is in a block of ``timestamp``."""
        self.chain.pending_timestamp = timestamp

    def deadline(self, sale: Sale) -> int:
        return int(self.settlement.orderState(sale.order_id)[1])

    def status(self, sale: Sale) -> Status:
        return Status(self.settlement.orderState(sale.order_id)[0])

    def budget(self, terms: ModelTerms) -> int:
        return int(self.settlement.modelState(self.model_id(terms))[1])

    def credit(self, account: Any, token: str = NATIVE_TOKEN) -> int:
        return int(self.settlement.creditOf(token, str(getattr(account, "address", account))))

    @contextmanager
    def refuses(self, error: str, **values: Any) -> Iterator[None]:
        """The block's transaction reverts with the contract's ``error``, carrying ``values``."""
        with ape.reverts(getattr(self.settlement, error), error_inputs=values or None):
            yield
