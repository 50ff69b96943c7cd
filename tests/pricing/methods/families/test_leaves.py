"""What methods on leaves share: scores as probabilities, sets and single records by the ridge."""

import numpy as np
import pytest
import torch
from sklearn.tree import DecisionTreeClassifier
from torch import Tensor

from assay_pricing.methods.families import leaves as family
from assay_pricing.methods.families.base import Parts
from assay_pricing.methods.families.leaves import LeafMethod
from assay_pricing.surrogate.leaf_ridge import RIDGE, LeafRidge
from assay_pricing.surrogate.task import Task
from assay_pricing.surrogate.trees import Trees
from tests.pricing.contexts import context, drawn, records, task

pytestmark = pytest.mark.unit
STUMP = Trees(
    torch.zeros(3, dtype=torch.int32),
    torch.zeros(3, dtype=torch.float64),
    torch.tensor([1, 1, 2], dtype=torch.int32),
    torch.tensor([2, 1, 2], dtype=torch.int32),
    torch.zeros(1, dtype=torch.int32),
)


class Grown(LeafMethod):
    name = "grown"
    when_to_use = "in a test"

    @classmethod
    def extract(cls, task: Task) -> tuple[Trees, Tensor]:
        assert task.owner.n
        return STUMP, torch.tensor([[0.9, 0.1], [0.2, 0.8]]).double()


def test_scores_are_floored_and_shared_out() -> None:
    """Of two classes each keeps 0.05: (1.4, -0.4) becomes (1.4, 0.05) / 1.45."""
    found = family._raw(torch.tensor([[1.4, -0.4], [0.5, 0.5], [0.02, 0.98]]).double())
    expected = np.log([[1.4 / 1.45, 0.05 / 1.45], [0.5, 0.5], [0.05 / 1.03, 0.98 / 1.03]])
    np.testing.assert_allclose(found.numpy(), expected)


def test_scores_of_a_regression_are_its_values() -> None:
    values = torch.tensor([[1.4], [-0.4]]).double()
    assert family._raw(values) is values


def test_the_fidelity_is_that_of_the_trees_with_the_owners_labels() -> None:
    """Three labels of which one is class 1, and a prior of 0.1: the leaf answers 0.1 + (1 - 0.3) / (3 + ridge)."""
    x = np.array([[-1.0], [-2], [-3], [1], [2], [3]])
    owner = records(x, [0, 0, 1, 1, 1, 1], 2)
    held = records([[-1.0], [-0.5], [0.5], [2.0]], [0, 0, 1, 1], 2)
    found = Grown.fit(task(lambda rows: (rows[:, 0] > -0.7).astype(int), owner, held))
    assert found.parts.fidelity == 0.75
    assert set(found.parts.tensors) == {*STUMP.tensors, "answers"}
    assert found.parts.leaks["answers"] == "part of 1 trees that agree with the model on 75.0% of inputs"
    nothing = found.context.base.take(np.arange(0))
    outputs = np.exp(found.refit_outputs(nothing, torch.zeros(1, 0).double())[0])
    mean = 0.1 + (1 - 3 * 0.1) / (3 + RIDGE)
    np.testing.assert_allclose(outputs[0], [1 - mean, mean], rtol=1e-9)


def world(k: int, metric: str = "") -> tuple[LeafMethod, object]:
    base = drawn(1, 40, 3, k)
    rule = DecisionTreeClassifier(max_depth=3, random_state=0).fit(base.x.numpy(), base.x.numpy()[:, 0] > 0)
    other = DecisionTreeClassifier(max_depth=3, random_state=0).fit(base.x.numpy(), base.x.numpy()[:, 1] > 0)
    trees = Trees.of([rule, other])
    answers = torch.from_numpy(np.random.default_rng(2).dirichlet(np.ones(k), len(trees.leaves)))
    found = context(base, drawn(3, 25, 3, k), k, metric=metric)
    offer = drawn(4, 9, 3, k)
    return Grown(found, Parts({**trees.tensors, "answers": answers})), records(offer.x.numpy(), offer.y.numpy(), k)


@pytest.mark.parametrize(("k", "metric"), [(1, ""), (3, ""), (3, "balanced_log_loss")])
def test_a_record_alone_is_worth_what_a_set_of_it_alone_is_worth(
    k: int, metric: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The descent direction of log losses is the risk itself; of a regression half of it, as the loss has a half."""
    method, offer = world(k, metric)
    alone = [method.set_value(offer.take([i])) for i in range(offer.n)]
    monkeypatch.setattr(family, "_BLOCK_NUMBERS", 1)
    np.testing.assert_allclose(method.record_values(offer) * (2 if k == 1 else 1), alone, rtol=1e-8, atol=1e-12)


def test_scenarios_are_those_of_the_ridge() -> None:
    method, offer = world(3)
    encoded = method.context.encode(offer)
    weights = torch.from_numpy(np.random.default_rng(5).uniform(0, 2, (2, 9)))
    ridge = LeafRidge(method.context, method.trees, method.parts.tensors["answers"])
    expected = np.stack([family._raw(ridge.after(encoded, row)).numpy() for row in weights])
    np.testing.assert_allclose(method.refit_outputs(encoded, weights), expected, rtol=1e-12)
