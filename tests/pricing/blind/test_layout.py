"""The packing of matrices into polynomials, by a product of polynomials in the clear."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay_pricing.blind.layout import DEGREE, Layout, chosen

pytestmark = pytest.mark.unit


def negacyclic(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The product modulo x^N + 1, by the schoolbook where the right factor is not zero."""
    whole = np.zeros(2 * DEGREE, np.int64)
    for place in np.flatnonzero(right):
        whole[place : place + DEGREE] += left * right[place]
    return whole[:DEGREE] - whole[DEGREE:]


def multiplied(layout: Layout, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    blocks = [block.astype(np.int64) for block in layout.left(left.astype(np.uint64))]
    groups = []
    for group, factors in enumerate(layout.right_of(right.astype(np.uint64))):
        total = sum(negacyclic(block, factor.astype(np.int64)) for block, factor in zip(blocks, factors, strict=True))
        groups.append(total[layout.wanted(group)])
    return layout.gathered(groups)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 40), st.integers(1, 50), st.integers(1, 6), st.integers(0, 2**32))
def test_the_wanted_coefficients_are_the_matrix_product(rows: int, middle: int, right: int, seed: int) -> None:
    draw = np.random.default_rng(seed)
    x, y = draw.integers(0, 1000, (rows, middle)), draw.integers(0, 1000, (middle, right))
    inner, columns = int(draw.integers(1, middle + 1)), int(draw.integers(1, right + 1))
    assert (multiplied(chosen(rows, middle, right), x, y) == x @ y).all()
    assert (multiplied(Layout(rows, middle, right, inner, columns), x, y) == x @ y).all()


def test_rows_that_fill_the_polynomial_wrap_around_beside_what_is_wanted() -> None:
    layout = chosen(128, 20, 4)
    assert layout.rows * layout.inner * layout.columns <= DEGREE
    draw = np.random.default_rng(1)
    x, y = draw.integers(0, 1000, (128, 20)), draw.integers(0, 1000, (20, 4))
    assert (multiplied(Layout(128, 20, 4, 16, 4), x, y) == x @ y).all()


def test_the_layout_of_the_goal_has_few_polynomials() -> None:
    first, second = chosen(128, 138, 10), chosen(1, 128 * 10 + 128 * 129 // 2, 2)
    assert (first.blocks, first.groups) == (9, 3)
    assert (second.blocks, second.groups) == (3, 1)
