"""The owner's integers and the price in the clear."""

from itertools import product

import numpy as np
import pytest

from assay_pricing.blind.form import SecretForm, check_sums
from assay_pricing.blind.shape import Shape
from assay_pricing.errors import BlindError
from tests.pricing.blind.sums import FULL, SMALL, form_of, sums_of

pytestmark = pytest.mark.unit

TINY = Shape(features=2, outputs=1, sum_bits=5, row_bits=6, weight_bits=4, price_bits=40)


def tiny(**others: list[list[int]]) -> SecretForm:
    values = {"weights": [[2], [-1]], "linear": [[3], [1]], "quadratic": [[2, 1], [1, 0]]} | others
    return SecretForm(TINY, **{name: np.array(value) for name, value in values.items()})


def test_the_price_is_the_one_worked_out_by_hand() -> None:
    """R = (7, 4) - ((4, 1), (1, 2)) (2, -1) = (0, 4); -2 (3 0 + 1 4) - (2 0 + 2 0 + 0 16) = -8."""
    assert tiny().doubled_price(np.array([[4, 1], [1, 2]]), np.array([[7], [4]])) == -8
    """With U = (8, 4): R = (1, 4), and -2 (3 + 4) - (2 1 + 2 4 + 0) = -24."""
    assert tiny().doubled_price(np.array([[4, 1], [1, 2]]), np.array([[8], [4]])) == -24


def test_no_sums_within_their_bound_exceed_the_bound_of_the_price() -> None:
    form = tiny()
    most = 2**5 - 1
    worst = max(
        abs(form.doubled_price(np.array([[a, b], [b, c]]), np.array([[e], [f]])))
        for a, b, c, e, f in product((-most, most), repeat=5)
    )
    assert worst <= form.bound() <= 8 * worst


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        ({"weights": [[16], [0]]}, "expected weights below 2\\*\\*4, got 16"),
        ({"quadratic": [[0, 1], [2, 0]]}, "symmetric"),
        ({"linear": [[1]]}, "expected linear of the shape \\(2, 1\\), got \\(1, 1\\)"),
        ({"quadratic": [[2**40, 0], [0, 0]]}, "expected a doubled price below 2\\*\\*40 for all sums, it may reach"),
    ],
)
def test_integers_that_are_no_price_are_refused(others: dict[str, list[list[int]]], expected: str) -> None:
    with pytest.raises(BlindError, match=expected):
        tiny(**others)


def test_sums_of_another_shape_or_beyond_their_bound_are_refused() -> None:
    form = tiny()
    first = np.array([[1], [1]])
    with pytest.raises(BlindError, match="expected sums below 2\\*\\*5, got 32"):
        form.doubled_price(np.array([[32, 0], [0, 0]]), first)
    with pytest.raises(BlindError, match="symmetric"):
        form.doubled_price(np.array([[1, 0], [1, 0]]), first)
    narrow = Shape(features=2, outputs=1, sum_bits=5, row_bits=4, weight_bits=4, price_bits=40)
    with pytest.raises(BlindError, match="expected rows of Q with a norm below 2\\*\\*4, got one of 16"):
        check_sums(narrow, np.array([[12, 11], [11, 0]]), first)
    check_sums(narrow, np.array([[12, 9], [9, 0]]), first)
    with pytest.raises(BlindError, match="expected sums of the shapes"):
        form.doubled_price(np.eye(3, dtype=np.int64), first)


@pytest.mark.parametrize(
    "sizes", [{"features": 0}, {"outputs": 65}, {"price_bits": 300}, {"features": 512, "outputs": 64}]
)
def test_shapes_that_no_map_holds_are_refused(sizes: dict[str, int]) -> None:
    with pytest.raises(BlindError, match="expected"):
        Shape(
            **({"features": 4, "outputs": 2, "sum_bits": 9, "row_bits": 9, "weight_bits": 9, "price_bits": 60} | sizes)
        )


def test_the_moduli_hold_every_price_with_its_sign() -> None:
    for bits in (20, 49, 50, 60, 95, 101, 150, 200):
        shape = Shape(features=4, outputs=2, sum_bits=9, row_bits=9, weight_bits=9, price_bits=bits)
        assert shape.product > 2 * 2**bits
        assert len(set(shape.moduli)) == len(shape.moduli)
        assert len({modulus.bit_length() for modulus in shape.moduli}) == 1
    assert len(FULL.moduli) == 2


def test_wide_prices_do_not_overflow() -> None:
    form, (second, first) = form_of(FULL, 1), sums_of(FULL, 2)
    exact = [[int(x) for x in row] for row in first - second @ form.weights]
    price = -2 * sum(int(h) * r for hs, rs in zip(form.linear, exact, strict=True) for h, r in zip(hs, rs, strict=True))
    for i, row in enumerate(exact):
        for j, other in enumerate(exact):
            price -= int(form.quadratic[i, j]) * sum(a * b for a, b in zip(row, other, strict=True))
    assert form.doubled_price(second, first) == price
    assert form_of(SMALL, 1).bound() < 2**SMALL.price_bits
