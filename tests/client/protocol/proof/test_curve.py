"""Sums of multiples of points, beside the library that verifies."""

import json
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.protocol.proof.curve import (
    INFINITY,
    ORDER,
    Point,
    combination,
    from_bytes,
    is_on_curve,
    negative,
    to_bytes,
    total,
)
from assay.protocol.proof.curve import (
    multiple as times,
)
from assay.protocol.proof.verification import pairings

pytestmark = pytest.mark.unit

library = pairings()

G: Point = (1, 2)


def multiple(scalar: int) -> Point:
    point = library.multiply(library.G1, scalar % ORDER)
    if library.is_inf(point):
        return INFINITY
    x, y = library.normalize(point)
    return int(x), int(y)


SMALL = st.integers(-(2**40), 2**40)
SCALARS = st.one_of(SMALL, st.integers(0, ORDER - 1), st.sampled_from([0, 1, -1, ORDER // 2, ORDER // 2 + 1, ORDER]))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(SCALARS, st.integers(-3, 3)), max_size=8))
def test_a_combination_is_the_one_that_the_library_has(terms: list[tuple[int, int]]) -> None:
    """Multiples of one point: equal points, opposite ones and infinity meet in every step."""
    points = [multiple(factor) for _, factor in terms]
    expected = multiple(sum(scalar * factor for scalar, factor in terms))
    assert combination([scalar for scalar, _ in terms], points) == expected
    assert all(
        times(scalar, point) == combination([scalar], [point]) for (scalar, _), point in zip(terms, points, strict=True)
    )
    assert total(points) == multiple(sum(factor for _, factor in terms))


def test_a_point_is_64_bytes_and_nothing_else_is_a_point() -> None:
    assert from_bytes(to_bytes(G)) == G
    assert from_bytes(bytes(64)) == INFINITY
    assert total([G, negative(G)]) == INFINITY
    assert not is_on_curve((1, 3))
    for data in (to_bytes(G)[:-1], to_bytes(G) + b"\0", b"\1" * 64, b"\xff" * 64):
        with pytest.raises(ValueError, match="expected 64 bytes of a point of BN254"):
            from_bytes(data)
    with pytest.raises(ValueError, match="expected 2 scalars, got 1"):
        combination([1], [G, G])


def test_a_deep_text_is_refused_once_the_library_is_imported() -> None:
    """The library raises the limit of recursion: Python then overruns its stack, in any thread of the process."""
    code = "import json\nfrom assay.protocol.proof.verification import pairings\npairings()\njson.loads('[' * 100_000)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "RecursionError" in ended.stderr
    with pytest.raises(RecursionError):
        json.loads("[" * 100_000)
