"""One sale by the product's contract: sealed, posted by the seller, the key revealed, paid after the dispute window."""

import hashlib
import io
import secrets
from dataclasses import dataclass

import numpy as np

from assay.protocol import seal
from assay.protocol.structs import ModelTerms, Order, Quote, Status, key_hash
from assay.protocol.types import ContentId
from assay_bench.comparison.market.chain import ETHER, account, local_chain
from assay_bench.comparison.market.proven import ProvenOffer
from assay_bench.comparison.market.signer import signed_quote
from assay_bench.comparison.trade import BUDGET
from assay_bench.pricing.data.dataset import Dataset

MAX_PRICE = int(BUDGET * ETHER)
"""Of the model's terms, in wei: what the buyer spends at most."""
_WINDOW = 3600
_DAY = 86_400


@dataclass(frozen=True)
class Settled:
    """A sale that the contract paid for.

    Attributes:
        gas: Of the transactions of the sale; registration and funding of the model serve many sales.
        model_gas: Of registration and funding.
        sealed_bytes: Of the file that the buyer receives.
        before_payment: The buyer could open the file before the payment was locked.
        paid: What the seller received, over the price.
    """

    gas: int
    model_gas: int
    sealed_bytes: int
    before_payment: bool
    paid: float


def settled(data: Dataset, price: int, proven: ProvenOffer | None = None) -> Settled:
    """Sells records on a chain of its own.

    Args:
        data: The records.
        price: In wei, at least 1.
        proven: Proves the price to the model's ``ProvenOracle``; None for an oracle that signs.

    Raises:
        LibraryMissing: Anvil is not installed.
    """
    buyer, seller, oracle = account("buyer"), account("seller"), account("oracle")
    with local_chain() as chain:
        chain.fund(buyer, seller, oracle)
        deployment = chain.settlement()
        buying, selling = (chain.client(deployment, party) for party in (buyer, seller))
        terms = ModelTerms(
            owner=buyer.address,
            function_hash=_digest(b"price function"),
            delivery_key=_digest(b"delivery key"),
            max_price=MAX_PRICE,
            reveal_window=_WINDOW,
            dispute_window=_WINDOW,
        )
        model_id = buying.model_id(terms)
        code = proven.contract(oracle.address, deployment.address, model_id) if proven else ""
        named = chain.deploy(code) if proven else oracle.address
        opened = [buying.register_model(terms, named), buying.fund(terms, price)]
        plain = np.concatenate([data.x, data.y[:, None]], axis=1).astype(np.float32).tobytes()
        key, sealed = secrets.token_bytes(32), io.BytesIO()
        commitment = seal.seal(io.BytesIO(plain), sealed, key)
        quote = Quote(
            model_id=model_id,
            content_id=ContentId(_digest(plain)),
            seller=seller.address,
            data_root=commitment.data_root,
            price=price,
            expiry=buying.block_time() + _DAY,
            evaluation=_digest(b"appraisal"),
        )
        order = Order.of(terms, quote, key_hash(quote.order_id(), key))
        signature = signed_quote(oracle, buying.domain, quote)
        if proven:
            signature = proven.evidence(quote, buying.domain, signature)
        sale = [selling.post(terms, quote, signature, order.key_hash, b"")]
        before = buying.revealed_key(order.order_id())
        sale.append(selling.reveal_key(order, key))
        found = buying.revealed_key(order.order_id())
        assert found is not None
        opened_data = io.BytesIO()
        seal.open_sealed(sealed, found, opened_data)
        assert opened_data.getvalue() == plain
        chain.pass_time(_WINDOW + 1)
        funds = buying.balance(seller.address)
        sale.append(buying.finalize(order))
        assert buying.order_state(order.order_id()).status is Status.PAID
        received = buying.balance(seller.address) - funds
    return Settled(
        gas=sum(one.gas for one in sale),
        model_gas=sum(one.gas for one in opened),
        sealed_bytes=len(sealed.getvalue()),
        before_payment=before is not None,
        paid=received / price,
    )


def _digest(text: bytes) -> bytes:
    return hashlib.sha256(text).digest()
