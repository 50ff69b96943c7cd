"""What each kind of seller is paid."""

import numpy as np
import pytest

from assay_pricing.appraisal import Verdict
from assay_pricing.records import records

pytestmark = pytest.mark.unit


@pytest.fixture(scope="module")
def prices(function, olga) -> dict[str, int]:
    return {seller: function.appraise(offer).price for seller, offer in olga.offers.items()}


def test_new_and_useful_data_has_the_highest_price(prices) -> None:
    assert prices["useful"] == max(prices.values()) > 10**16


@pytest.mark.parametrize("seller", ["owner's copy", "owner's near copy", "mislabelled", "noise"])
def test_worthless_data_gets_at_most_a_tenth_of_it(prices, seller: str) -> None:
    assert prices[seller] <= prices["useful"] // 10


def test_exact_copies_are_worth_what_the_distinct_records_are_worth(prices) -> None:
    assert prices["copies"] == prices["few"] > 0


def test_near_copies_are_worth_about_what_the_distinct_records_are_worth(prices) -> None:
    assert 0.8 * prices["few"] <= prices["near copies"] <= 1.2 * prices["few"]


def test_order_does_not_matter(function, olga) -> None:
    offer = olga.offers["useful"]
    shuffled = offer.take(np.random.default_rng(0).permutation(offer.n))
    assert function.appraise(shuffled).price == function.appraise(offer).price
    assert function.appraise(shuffled).data_hash == function.appraise(offer).data_hash


def test_records_priced_before_are_taken_out(function, olga) -> None:
    offer = olga.offers["useful"]
    known = frozenset(offer.take(range(100)).hashes())
    appraisal = function.appraise(offer, known=known)
    assert appraisal.priced == 20
    assert appraisal.verdicts.count(Verdict.PRICED) == 100
    assert any(reason.startswith("100 of 120 records are exact duplicates") for reason in appraisal.reasons)


def test_an_offer_of_nothing_new_is_worth_nothing_and_says_why(function, olga) -> None:
    appraisal = function.appraise(olga.offers["owner's copy"])
    assert (appraisal.price, appraisal.priced) == (0, 0)
    assert appraisal.reasons[-1] == "All records are exact duplicates. Price: 0."
    assert "among the model owner's records" in appraisal.verdicts[0].meaning


def test_an_offer_is_hashed_once(function, olga, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the oracle, which looks for records priced before, and by the price function."""
    hashed: list[int] = []
    fields = records._fields
    monkeypatch.setattr(records, "_fields", lambda x, texts: hashed.append(len(x)) or fields(x, texts))
    offer = olga.offers["few"].take(range(30))
    appraisal = function.appraise(offer, known=frozenset(offer.hashes()[:10]), context=olga.offers["useful"])
    assert (appraisal.priced, appraisal.data_hash) == (20, offer.content_hash())
    assert hashed.count(offer.n) == 2, "once its features, once its labels"
