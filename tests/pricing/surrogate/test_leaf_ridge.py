"""The regression on leaves against scikit-learn's ``Ridge`` on leaf indicators."""

import numpy as np
import pytest
import torch
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.linear_model import Ridge
from torch import Tensor

from assay_pricing.surrogate import leaf_ridge
from assay_pricing.surrogate.leaf_ridge import RIDGE, LeafRidge
from assay_pricing.surrogate.task import Sample
from assay_pricing.surrogate.trees import Trees
from tests.pricing.contexts import context, drawn

pytestmark = pytest.mark.unit
KINDS = pytest.mark.parametrize("k", [1, 3])


def world(k: int) -> tuple[LeafRidge, Sample]:
    base = drawn(1, 40, 3, k, weights=True)
    forest = ExtraTreesClassifier(6, max_depth=4, random_state=0).fit(base.x.numpy(), base.x.numpy()[:, 0] > 0)
    trees = Trees.of(forest.estimators_)
    answers = torch.from_numpy(np.random.default_rng(2).normal(size=(len(trees.leaves), k)))
    return LeafRidge(context(base, drawn(3, 25, 3, k), k), trees, answers), drawn(4, 12, 3, k)


def by_scikit_learn(ridge: LeafRidge, k: int, learned: Sample, weight: Tensor) -> np.ndarray:
    """Scores of the validation records: the prior, and a weighted ridge regression of the residuals."""

    def indicators(x: Tensor) -> np.ndarray:
        leaves = ridge.trees.locate(x).numpy()
        one_hot = np.zeros((len(x), len(ridge.answers)))
        one_hot[np.arange(len(x))[:, None], leaves] = 1
        return one_hot / np.sqrt(len(ridge.trees))

    def prior(x: Tensor) -> np.ndarray:
        return ridge.answers[ridge.trees.locate(x)].mean(1).numpy()

    y = learned.y.numpy()
    target = y[:, None] if k == 1 else np.eye(k)[y.astype(int)]
    fitted = Ridge(alpha=RIDGE, fit_intercept=False, solver="cholesky", tol=1e-12)
    fitted.fit(indicators(learned.x), target - prior(learned.x), sample_weight=weight.numpy())
    v = ridge.context.validation.x
    return prior(v) + indicators(v) @ fitted.coef_.reshape(k, -1).T


@KINDS
def test_without_an_offer_the_base_is_learned(k: int) -> None:
    ridge, offer = world(k)
    base = ridge.context.base
    np.testing.assert_allclose(ridge.before.numpy(), by_scikit_learn(ridge, k, base, base.weight), rtol=1e-8, atol=1e-9)
    assert torch.equal(ridge.after(offer, torch.zeros(12, dtype=torch.float64)), ridge.before)


@KINDS
@pytest.mark.parametrize("dense", [True, False])
def test_base_and_offer_are_learned_with_their_weights(k: int, dense: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not dense:
        monkeypatch.setattr(leaf_ridge, "MAX_DENSE", 0)
    ridge, offer = world(k)
    weights = torch.from_numpy(np.random.default_rng(5).uniform(0.2, 3, 12))
    weights[3] = 0
    found = ridge.after(offer, weights)
    rows = np.flatnonzero(weights.numpy())
    both = ridge.context.base.join(offer.take(rows))
    expected = by_scikit_learn(ridge, k, both, torch.cat([ridge.context.base.weight, weights[rows]]))
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-6, atol=1e-7)


@KINDS
def test_each_record_on_its_own_is_a_change_of_rank_one(k: int) -> None:
    ridge, offer = world(k)
    before, directions, sizes = ridge.after_each(offer)
    for i in range(len(offer)):
        alone = ridge.after(offer.take(np.array([i])), torch.ones(1, dtype=torch.float64))
        torch.testing.assert_close(before + directions[i, :, None] * sizes[i], alone)


def test_the_kernel_is_the_share_of_trees_with_a_leaf_in_common() -> None:
    ridge, _ = world(1)
    a, b = torch.tensor([[0, 5, 9], [1, 5, 8]]), torch.tensor([[0, 5, 8], [2, 6, 7]])
    ridge.trees.__dict__["roots"] = torch.zeros(3, dtype=torch.int32)
    np.testing.assert_allclose(ridge._kernel(a, b).numpy(), [[2 / 3, 0], [2 / 3, 0]])
