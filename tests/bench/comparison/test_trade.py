"""The trade: who has which records, and what they are worth."""

import numpy as np
import pytest

from assay_bench.comparison.trade import SELLERS, SIZES, USEFUL, USELESS, Trade, draw

pytestmark = pytest.mark.unit


@pytest.fixture(scope="module")
def trade() -> Trade:
    return draw("medium", 11)


def rows(x: np.ndarray) -> set[bytes]:
    return {row.tobytes() for row in x}


def test_no_record_has_two_holders(trade: Trade) -> None:
    parties = trade.parties
    held = [trade.owner, parties.validation, parties.test, trade.useful, trade.public, trade.outsiders, trade.strangers]
    assert sum(len(part) for part in held) == len(set().union(*(rows(part.x) for part in held)))


def test_sellers_offer_what_they_are_named_for(trade: Trade) -> None:
    n = SIZES["medium"]
    offers = trade.sellers
    assert {name: len(offers[name]) for name in SELLERS} == {**dict.fromkeys(SELLERS, n), "few": n // 10}
    assert (offers["mislabelled"].x == trade.useful.x).all()
    assert (offers["mislabelled"].y != trade.useful.y).all()
    assert (offers["mixed"].y == trade.useful.y).sum() == n // 2
    assert rows(offers["copies"].x) == rows(offers["few"].x)
    assert rows(offers["owners"].x) < rows(trade.owner.x)
    assert rows(offers["same"].x) < rows(trade.strangers.x)


def test_the_useful_seller_has_the_classes_that_the_owner_lacks_and_brings_most(trade: Trade) -> None:
    rare = (3, 8, 9)
    assert np.isin(trade.owner.y, rare).mean() < 0.1 < 0.2 < np.isin(trade.useful.y, rare).mean()
    gains = trade.gains.test
    assert max(gains, key=lambda name: gains[name]) == USEFUL
    assert gains["mislabelled"] < 0
    assert trade.gain_of(trade.train(trade.useful)) > 0.1


def test_a_draw_is_the_same_from_the_same_seed(trade: Trade) -> None:
    again = draw("medium", 11, trade.gains)
    assert (again.useful.x == trade.useful.x).all()
    assert (again.model.flat() == trade.model.flat()).all()
    assert set(USELESS) < set(SELLERS)
