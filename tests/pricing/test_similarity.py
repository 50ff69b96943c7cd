"""Similarities against the definition, and by hashing against the exact ones."""

import numpy as np
import pytest
import torch
from torch import Tensor

from assay_pricing import similarity
from assay_pricing.similarity import highest, total
from tests.pricing.contexts import drawn

pytestmark = pytest.mark.unit


def every(a: Tensor, b: Tensor) -> Tensor:
    raise AssertionError("there are no labels to judge")


def by_definition(first: Tensor, second: Tensor, radius: float) -> Tensor:
    return torch.exp(-(torch.cdist(first, second) ** 2) / (2 * radius**2))


@pytest.fixture
def hashing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(similarity, "EXACT_PAIRS", 0)
    monkeypatch.setattr(similarity, "_EXACT_SIDE", 0)


@pytest.mark.parametrize(("n", "m"), [(1, 1), (512, 1024), (700, 1500), (3, 0), (0, 3)])
def test_tiles_add_up_to_the_definition(n: int, m: int) -> None:
    first, second = drawn(1, n, 3, 2).x, drawn(2, m, 3, 2).x
    expected = by_definition(first, second, 0.7)
    np.testing.assert_allclose(total(first, second, 0.7, None, every), expected.sum(1), rtol=1e-9)
    if m:
        np.testing.assert_allclose(highest(first, second, 0.7, None, every), expected.max(1).values, rtol=1e-9)


def test_the_work_is_linear_in_the_records_of_one_crowd(hashing: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """All records lie within one radius of each other: an attacker's densest upload."""
    compared: list[int] = []
    pairs = similarity._Pairs

    def counted(*arguments: object) -> object:
        made = pairs(*arguments)  # type: ignore[arg-type]
        compared.append(len(made.left))
        return made

    monkeypatch.setattr(similarity, "_Pairs", counted)
    for n in (1000, 4000):
        compared.clear()
        crowd = drawn(3, n, 4, 2).x / 100
        found = total(crowd, crowd, 1.0, None, every)
        assert sum(compared) <= n * similarity._TABLES * similarity._SAMPLED
        assert float(found.mean()) == pytest.approx(n, rel=0.1)


@pytest.mark.parametrize(("copies", "noise"), [(1, 0.0), (2, 0.02), (2, 0.15), (10, 0.05)])
def test_hashing_gives_near_copies_the_weight_that_pairs_give_them(hashing: None, copies: int, noise: float) -> None:
    """The sum of the weights is the number of records that a seller is paid for."""
    rng = np.random.default_rng(4)
    x = np.repeat(rng.normal(size=(2000 // copies, 16)), copies, axis=0)
    offer = torch.from_numpy(x + noise * rng.normal(size=x.shape))
    exact = by_definition(offer, offer, 1.0).sum(1)
    hashed = total(offer, offer, 1.0, None, every)
    assert float(hashed.mean()) == pytest.approx(float(exact.mean()), rel=0.1)
    assert float((1 / hashed).sum()) == pytest.approx(float((1 / exact).sum()), rel=0.1)


def test_hashing_finds_copies_and_nothing_else(hashing: None) -> None:
    rng = np.random.default_rng(5)
    sold = torch.from_numpy(rng.normal(size=(3000, 16)) * 10)
    copies = sold[:500] + 0.02 * torch.from_numpy(rng.normal(size=(500, 16)))
    found = highest(sold, copies, 1.0, None, every)
    assert bool((found[:500] > 0.9).all())
    assert bool((found[500:] < 0.6).all())


def test_the_order_of_an_offer_changes_no_weight(hashing: None) -> None:
    crowd = drawn(6, 1500, 3, 2).x / 10
    shuffled = torch.from_numpy(np.random.default_rng(0).permutation(len(crowd)))
    mixed = crowd[shuffled]
    found, again = total(crowd, crowd, 1.0, None, every), total(mixed, mixed, 1.0, None, every)
    np.testing.assert_allclose(again, found[shuffled], rtol=1e-12)


def test_hashing_compares_targets_too(hashing: None) -> None:
    x = torch.zeros((4, 2), dtype=torch.float64)
    y = torch.tensor([0.0, 0.05, 1.0, 1.0], dtype=torch.float64)
    found = total(x, x, 1.0, (y, y), lambda a, b: (a - b).abs() < 0.1)
    assert found.tolist() == pytest.approx([2, 2, 2, 2], rel=1e-4)
