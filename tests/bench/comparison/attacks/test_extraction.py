"""A seller asks a model that it cannot see, and makes a copy."""

import numpy as np
import pytest

from assay_bench.comparison.attacks.extraction import copied, questions
from assay_bench.comparison.attacks.network import network_of
from tests.bench.comparison.attacks.networks import digits, untrained

pytestmark = pytest.mark.unit


def test_own_records_are_asked_first_and_then_mixtures_in_range() -> None:
    own = digits(0, 30).x
    few, many = questions(own, 10, seed=0), questions(own, 50, seed=0)
    assert len({tuple(q) for q in few} & {tuple(r) for r in own}) == 10
    assert np.array_equal(many[:30], own)
    assert many.shape == (50, 64)
    assert many.min() >= 0
    assert many.max() <= 1


def test_answers_make_a_copy_and_constant_answers_do_not() -> None:
    network, held_out = untrained(), digits(1000, 300).x
    asked = questions(digits(0, 200).x, 400, seed=0)
    labels = network.probabilities(held_out).argmax(1)
    copy = network_of(copied(asked, network.probabilities(asked), seed=0))
    assert (copy.probabilities(held_out).argmax(1) == labels).mean() > 0.85
    nothing = network_of(copied(asked, np.full((400, 10), 0.1), seed=0))
    assert (nothing.probabilities(held_out).argmax(1) == labels).mean() < 0.5
