"""Prices that are proven: what an oracle does with the proof of one, and without it. A toy says what is proven."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

import pytest

from assay.protocol.messages import OfferStatus
from assay.protocol.proof.proven import ProvenPrice
from assay.protocol.proof.statement import Statement
from assay.protocol.statements import Domain
from assay.protocol.structs import Quote
from assay_oracle.services.appraiser import ContextOffer, FunctionInfo, OfferAppraisal
from tests.kit.bids import bid
from tests.kit.data import SCHEMA
from tests.kit.market import Market

pytestmark = pytest.mark.unit

HASH = sha256(b"toy price function whose prices are proven").digest()


def proof_of(quote: Quote, domain: Domain) -> ProvenPrice:
    names = ("model_id", "content_id", "seller", "data_root", "price")
    fixed = {"key": bytes(32), "model": bytes(64), "statistics": bytes(64), "records": 1, "least": 0, "most": 1}
    where = {"chain_id": domain.chain_id, "contract": domain.contract}
    bound = {name: getattr(quote, name) for name in names}
    return ProvenPrice(statement=Statement.model_validate(fixed | where | bound), proof=bytes(256), opening=bytes(128))


class Toy:
    """Pays one base unit for each byte; ``joint`` data have another price alone, ``slow`` ones no proof yet."""

    info = FunctionInfo(HASH, SCHEMA, metric="x", pricing="graded", method="toy", fidelity=1.0, is_proven=True)
    failing = True

    def session(self) -> "AbstractContextManager[Toy]":
        return nullcontext(self)

    def keep(self, offer: ContextOffer, *, seconds: float) -> None:
        """It keeps nothing."""

    def forget(self, offer_id: bytes) -> None:
        """It keeps nothing."""

    def open(self, source: BinaryIO, *, seconds: float) -> "ToyOffer":
        return ToyOffer(source.read())


class ToyOffer:
    def __init__(self, data: bytes) -> None:
        self.data = data

    def hashes(self) -> Sequence[bytes]:
        return [sha256(self.data).digest()]

    def appraise(
        self, *, known: frozenset[bytes], own: Sequence[ContextOffer], sold: Sequence[ContextOffer]
    ) -> OfferAppraisal:
        document = sha256(self.data).digest()
        return OfferAppraisal(len(self.data), 1, 1, 1.0, (), document, sha256(document).digest())

    def prove(self, quote: Quote, domain: Domain) -> ProvenPrice | None:
        if self.data.startswith(b"slow") and Toy.failing:
            raise OSError("the prover took too long")
        return None if self.data.startswith(b"joint") else proof_of(quote, domain)


class ProvenMarket(Market):
    def appraiser(self) -> Toy:  # type: ignore[override]
        return Toy()


@pytest.fixture
def market(tmp_path: Path) -> ProvenMarket:
    return ProvenMarket(tmp_path, function_hash=HASH)


def test_the_two_sides_of_an_order_get_its_proof(market: ProvenMarket) -> None:
    _, state, order = market.sell(b"12345")
    held = market.delivery.record(order.order_id())
    assert held.proof is not None
    assert state.proof == held.proof, "the seller gets it with her quote"
    proven = ProvenPrice.model_validate_json(held.proof)
    assert (proven.statement.price, proven.statement.data_root) == (5, order.data_root)
    assert state.quote is not None
    assert proven == proof_of(state.quote, market.chain.domain)


def test_data_that_have_another_price_alone_are_worth_nothing(market: ProvenMarket) -> None:
    _, state = market.offer(b"joint")
    assert state.status is OfferStatus.DECLINED
    assert state.appraisal is not None
    assert state.appraisal.reasons == ("The data do not have a price that is proven of them alone: nothing is paid.",)


def test_a_seller_with_an_open_offer_is_refused_and_nothing_is_used_up(market: ProvenMarket) -> None:
    first, _ = market.offer(b"12345")
    _, state = market.offer(b"1234567")
    assert (state.status, state.code) == (OfferStatus.REFUSED, "priced_alone")
    assert market.offers.state(market.offers.open_offer(first.request).offer_id).status is OfferStatus.QUOTED


def test_an_offer_waits_for_a_prover_that_failed(market: ProvenMarket, monkeypatch: pytest.MonkeyPatch) -> None:
    made = bid(market.model_id, b"slow")
    with pytest.raises(OSError, match="the prover took too long"):
        market.offer(made)
    offer_id = market.offers.open_offer(made.request).offer_id
    assert market.offers.state(offer_id).status is OfferStatus.PRICING
    monkeypatch.setattr(Toy, "failing", False)
    for _ in range(2):  # the offer lets the others pass once
        market.oracle.evaluation.price_next()
    assert market.offers.state(offer_id).status is OfferStatus.QUOTED
