"""The sale whose gas is measured: four accounts of a local chain, what they sign, and the transaction of each step."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from eth_account import Account
from eth_account.messages import SignableMessage
from safe import join

from assay.protocol.statements import Domain, digest
from assay.protocol.structs import ModelTerms, Order, Quote, key_hash
from assay.protocol.types import NATIVE_TOKEN

HOUR = 3600
DAY = 24 * HOUR
ETHER = 10**18
PRICE = 10**17


def bytes32(text: str) -> bytes:
    """SHA-256 of ``text``: 32 bytes of which hardly any is zero, as in real digests."""
    return hashlib.sha256(text.encode()).digest()


@dataclass(frozen=True)
class Sale:
    """A sale as far as it is agreed off chain."""

    terms: ModelTerms
    quote: Quote
    order: Order
    key: bytes
    oracle_signature: bytes
    seller_signature: bytes


@dataclass
class Market:
    """The contract and four accounts; every method with a sender is one transaction and returns its receipt."""

    settlement: Any
    chain: Any
    buyer: Any
    oracle: Any
    seller: Any
    relayer: Any

    @property
    def domain(self) -> Domain:
        """Where signatures are valid."""
        return Domain(chain_id=self.chain.chain_id, contract=self.settlement.address)

    # --- off chain ---

    def terms(self, token: str = NATIVE_TOKEN) -> ModelTerms:
        """Terms of the buyer's model, in the currency ``token``, without bonds."""
        return ModelTerms(
            owner=self.buyer.address,
            token=token,
            function_hash=bytes32("price function"),
            delivery_key=bytes32("delivery key"),
            max_price=ETHER,
            reveal_window=HOUR,
            dispute_window=2 * HOUR,
        )

    def sign(self, account: Any, message: SignableMessage) -> bytes:
        """Signature of 65 bytes by a test account's key."""
        return bytes(Account.sign_message(message, account.private_key).signature)

    def agree(self, terms: ModelTerms, records: str, data_root: bytes | None = None) -> Sale:
        """The oracle signs a quote for ``records``, and the seller accepts it."""
        key = bytes32("key")
        quote = Quote(
            model_id=terms.model_id(self.chain.chain_id, self.settlement.address),
            content_id=bytes32(records),
            seller=self.seller.address,
            data_root=data_root or bytes32("data root"),
            price=PRICE,
            expiry=self.chain.pending_timestamp + DAY,
            evaluation=bytes32("appraisal"),
        )
        lock = key_hash(quote.order_id(), key)
        order = Order.of(terms, quote, lock)
        statement = self.domain.quote(quote)
        acceptance = self.domain.acceptance(digest(statement), lock)
        return Sale(terms, quote, order, key, self.sign(self.oracle, statement), self.sign(self.seller, acceptance))

    def agree_by(self, committee: str, owners: Sequence[Any], terms: ModelTerms, records: str) -> Sale:
        """As ``agree``, where ``owners`` of the Safe at ``committee`` sign the quote together."""
        sale = self.agree(terms, records)
        message = self.domain.for_safe(committee, digest(self.domain.quote(sale.quote)))
        return replace(sale, oracle_signature=join({owner.address: self.sign(owner, message) for owner in owners}))

    # --- on chain ---

    def open(self, oracle: str | None = None) -> ModelTerms:
        """Registers a model in the native coin and funds it."""
        terms = self.terms()
        self.settlement.registerModel(terms.abi_values(), oracle or self.oracle.address, sender=self.buyer)
        self.settlement.fund(terms.abi_values(), ETHER, sender=self.buyer, value=ETHER)
        return terms

    def post(self, sale: Sale, sender: Any = None) -> Any:
        """Posts the order; a seller who sends it consents by that, and its signature is left out."""
        sender = sender or self.relayer
        return self.settlement.post(
            sale.terms.abi_values(),
            sale.quote.abi_values(),
            sale.oracle_signature,
            sale.order.key_hash,
            b"" if sender == self.seller else sale.seller_signature,
            sender=sender,
        )

    def reveal(self, sale: Sale, sender: Any = None) -> Any:
        """Reveals the key."""
        return self.settlement.revealKey(sale.order.abi_values(), sale.key, b"", sender=sender or self.relayer)

    def finalize(self, sale: Sale, sender: Any = None) -> Any:
        """Finalizes the order, once its deadline has passed."""
        self.pass_deadline(sale)
        return self.settlement.finalize(sale.order.abi_values(), sender=sender or self.relayer)

    def settle(self, sale: Sale) -> Any:
        """Settles the order: the buyer sends it and signs nothing."""
        return self.settlement.settle(sale.order.abi_values(), b"", sender=self.buyer)

    def settle_relayed(self, sale: Sale) -> Any:
        """Settles the order with the buyer's acknowledgement."""
        signature = self.sign(self.buyer, self.domain.acknowledgement(sale.order.digest()))
        return self.settlement.settle(sale.order.abi_values(), signature, sender=self.relayer)

    def refund(self, sale: Sale) -> Any:
        """Refunds the order, once its deadline has passed."""
        self.pass_deadline(sale)
        return self.settlement.refund(sale.order.abi_values(), sender=self.relayer)

    def reveal_all(self, sales: Sequence[Sale]) -> Any:
        """Reveals the keys of all in one transaction."""
        return self.batch("revealKey", [(sale.order.abi_values(), sale.key, b"") for sale in sales])

    def finalize_all(self, sales: Sequence[Sale]) -> Any:
        """Finalizes all in one transaction, once the deadline of the last has passed."""
        self.pass_deadline(sales[-1])
        return self.batch("finalize", [(sale.order.abi_values(),) for sale in sales])

    def batch(self, function: str, calls: Sequence[tuple[Any, ...]]) -> Any:
        """One call of ``function`` for each tuple of arguments, in one transaction."""
        encode = getattr(self.settlement, function).encode_input
        return self.settlement.batch([bytes(encode(*arguments)) for arguments in calls], sender=self.relayer)

    def pass_deadline(self, sale: Sale) -> None:
        """The next transaction is in the first second after the order's deadline."""
        self.chain.pending_timestamp = self.settlement.orderState(sale.order.order_id())[1] + 1
