"""The part of every sale that an offer is compared with, by hand."""

import json
from dataclasses import replace

import pytest

from assay_oracle.ledger.values import Offer
from assay_oracle.services.pricing.context import most_valuable, shared_out
from tests.kit.market import Market

pytestmark = pytest.mark.unit


@pytest.fixture
def offer(market: Market) -> Offer:
    _, state = market.offer(b"one\n")
    return market.journal.offers.get(state.offer_id)


@pytest.mark.parametrize(
    ("counts", "most", "shares"),
    [
        ([], 10, []),
        ([3, 7], 10, [None, None]),
        ([3, 8], 10, [None, 7]),
        ([8, 3], 10, [7, None]),
        ([1_000_000, 1_000_000, 40], 100, [33, 33, 33]),
        ([1_000_000, 1_000_000, 20], 100, [40, 40, None]),
        ([5, 5, 5], 2, [0, 0, 0]),
    ],
)
def test_small_sales_count_whole_and_large_ones_share_the_rest(
    offer: Offer, counts: list[int], most: int, shares: list[int | None]
) -> None:
    sold = [replace(offer, distinct_records=count) for count in counts]
    found = shared_out(sold, most)
    assert [share for _, share in found] == shares
    assert sum(count if share is None else share for count, share in zip(counts, shares, strict=True)) <= max(most, 0)


def test_the_records_of_highest_value_represent_a_sale() -> None:
    """Worthless rows do not push the paid ones out of the comparison; copies have no row."""
    verdicts = ["harmful", "useful", "repeated", "useful", "owned"]
    document = json.dumps({"points": [-1.0, 0.5, 0.0, 0.7, 0.0], "verdicts": verdicts}).encode()
    assert most_valuable(document, 2) == [1, 2]
    assert most_valuable(document, 1) == [2]
    assert most_valuable(document, 9) == [0, 1, 2, 3]


@pytest.mark.parametrize("document", [b"{", b"[]", b'{"points": [1]}', b'{"points": ["x"], "verdicts": ["useful"]}'])
def test_appraisal_that_cannot_be_read_stops_no_later_offer(document: bytes) -> None:
    assert most_valuable(document, 2) == [0, 1]
