"""The three rounds of a blind price: equal to the price in the clear, and what dishonest parties change."""

import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay_pricing.blind.evaluator import BlindEvaluator, digest
from assay_pricing.blind.form import Integers, SecretForm, product
from assay_pricing.blind.layout import Residues
from assay_pricing.blind.linear import Requester
from assay_pricing.blind.rounds import Rounds, modulo, upper
from assay_pricing.blind.seller import BlindSeller
from assay_pricing.errors import BlindError, BlindPriceOutside
from tests.pricing.blind.sums import FULL, SMALL, TWO_MODULI, form_of, sums_of

pytestmark = pytest.mark.unit

ORACLE = b"\x05" * 32


def quoted(form: SecretForm, sums: tuple[Integers, Integers], *, tampered: int | None = None) -> int:
    """The price that both parties arrive at; with ``tampered``, a byte of the seller's last message is changed."""
    seller = BlindSeller(form.shape, b"offer", os.urandom)
    oracle = BlindEvaluator(form, b"offer", ORACLE)
    first = seller.first(*sums)
    second = seller.second(oracle.first(first))
    values = bytearray(seller.values(oracle.second(digest(first), second)))
    if tampered is not None:
        values[tampered] ^= 1
    return BlindEvaluator(form, b"offer", ORACLE).doubled_price(digest(first), digest(second), bytes(values))


@settings(max_examples=12, deadline=None)
@given(st.sampled_from([SMALL, TWO_MODULI]), st.integers(0, 2**32), st.integers(0, 2**32))
def test_the_blind_price_is_the_price_in_the_clear(shape: object, secret: int, data: int) -> None:
    form = form_of(shape, secret)  # type: ignore[arg-type]
    sums = sums_of(form.shape, data)
    assert quoted(form, sums) == form.doubled_price(*sums)


def test_at_full_size_the_messages_stay_within_their_goals() -> None:
    form, sums = form_of(FULL, 1), sums_of(FULL, 2)
    assert quoted(form, sums) == form.doubled_price(*sums)
    rounds = Rounds(FULL)
    assert rounds.first.request_size() + rounds.second.request_size() + rounds.values_size <= 4_000_000
    assert rounds.first.response_size() + rounds.second.response_size() <= 1_000_000


def test_extreme_sums_and_integers_are_priced_exactly() -> None:
    most = 2**TWO_MODULI.sum_bits - 1
    form = form_of(TWO_MODULI, 4)
    d, k = TWO_MODULI.features, TWO_MODULI.outputs
    for sign in (1, -1):
        sums = (np.full((d, d), sign * most), np.full((d, k), -sign * most))
        assert quoted(form, sums) == form.doubled_price(*sums)
    zeros = SecretForm(TWO_MODULI, np.zeros((d, k), int), np.zeros((d, k), int), np.zeros((d, d), int))
    assert quoted(zeros, sums) == 0


@pytest.mark.parametrize("place", [7, 15, 0])
def test_a_seller_cannot_change_the_price_that_she_decrypts(place: int) -> None:
    with pytest.raises(BlindError, match="expected the values that the oracle's answer decrypts to"):
        quoted(form_of(SMALL, 1), sums_of(SMALL, 2), tampered=place)


def test_values_of_one_quote_unmask_no_other() -> None:
    form, sums = form_of(SMALL, 1), sums_of(SMALL, 2)
    seller, oracle = BlindSeller(SMALL, b"offer", os.urandom), BlindEvaluator(form, b"offer", ORACLE)
    first = seller.first(*sums)
    second = seller.second(oracle.first(first))
    values = seller.values(oracle.second(digest(first), second))
    others = [
        BlindEvaluator(form, b"another offer", ORACLE),
        BlindEvaluator(form, b"offer", b"\x06" * 32),
        BlindEvaluator(form_of(SMALL, 9), b"offer", ORACLE),
    ]
    for other in others:
        with pytest.raises(BlindError, match="expected the values"):
            other.doubled_price(digest(first), digest(second), values)
    with pytest.raises(BlindError, match="expected the values"):
        oracle.doubled_price(digest(b"another message"), digest(second), values)
    with pytest.raises(BlindError, match="expected a list of values of"):
        oracle.doubled_price(digest(first), digest(second), values[1:])


class Cheat(BlindSeller):
    """A seller who adds numbers of her choice to what the second round encrypts."""

    def __init__(self, residual: np.ndarray, squares: np.ndarray) -> None:
        super().__init__(SMALL, b"offer", os.urandom)
        self._residual, self._squares = residual, squares

    def second(self, response: bytes) -> bytes:
        found: list[Residues] = []
        for share, modulus in zip(self._first.shares(response), SMALL.moduli, strict=True):
            row = [(share.astype(object) + self._residual).reshape(-1), upper(product(share, share.T)) + self._squares]
            found.append(modulo(np.concatenate(row)[None, :], modulus))
        return self._second.request(found)


def cheated(residual: np.ndarray, squares: np.ndarray) -> int:
    seller, oracle = Cheat(residual, squares), BlindEvaluator(form_of(SMALL, 1), b"offer", ORACLE)
    first = seller.first(*sums_of(SMALL, 2))
    second = seller.second(oracle.first(first))
    values = seller.values(oracle.second(digest(first), second))
    return oracle.doubled_price(digest(first), digest(second), values)


def test_a_seller_who_alters_the_products_gets_a_functional_of_the_quadratic_part_through_one_price() -> None:
    """What the leak table says: no more than one price, which the recomputation in the clear then contradicts."""
    form, sums = form_of(SMALL, 1), sums_of(SMALL, 2)
    squares = np.zeros(SMALL.triangle, object)
    squares[1] = 5  # the entry in row 0, column 1
    assert cheated(np.zeros((5, 3), object), squares) == form.doubled_price(*sums) - 10 * int(form.quadratic[0, 1])


def test_a_seller_who_alters_her_share_gets_a_price_at_random() -> None:
    """The oracle's mask times the quadratic part is added to it: most often no sums have such a price."""
    residual = np.zeros((5, 3), object)
    residual[0, 0] = 1
    found: list[int | None] = []
    for _ in range(6):
        try:
            found.append(cheated(residual, np.zeros(SMALL.triangle, object)))
        except BlindPriceOutside:
            found.append(None)
    prices = [price for price in found if price is not None]
    assert len(prices) < len(found)
    assert len({*prices, form_of(SMALL, 1).doubled_price(*sums_of(SMALL, 2))}) == len(prices) + 1


def test_sums_beyond_their_bound_are_refused_before_they_are_encrypted() -> None:
    second, first = sums_of(SMALL, 2)
    with pytest.raises(BlindError, match="expected sums below 2\\*\\*9, got 512"):
        BlindSeller(SMALL, b"offer", os.urandom).first(second, np.full_like(first, 512))


def test_two_quotes_share_no_encryption() -> None:
    sums = sums_of(SMALL, 2)
    one, other = (BlindSeller(SMALL, b"offer", os.urandom).first(*sums) for _ in range(2))
    assert len(one) == len(other) == Rounds(SMALL).first.request_size()
    assert one != other


def test_second_messages_of_one_first_have_other_masks() -> None:
    form, sums = form_of(SMALL, 1), sums_of(SMALL, 2)
    oracle = BlindEvaluator(form, b"offer", ORACLE)
    seller = BlindSeller(SMALL, b"offer", os.urandom)
    first = seller.first(*sums)
    answer = oracle.first(first)
    assert answer == oracle.first(first)
    requests = [
        Requester(oracle.rounds.second, b"offer2", bytes([salt]) * 32).request(
            [np.zeros((1, 5 * 3 + SMALL.triangle), np.uint64)] * len(SMALL.moduli)
        )
        for salt in (1, 2)
    ]
    answers = [oracle.second(digest(first), request) for request in requests]
    assert answers[0] != answers[1]
    assert answers[0] == oracle.second(digest(first), requests[0])
