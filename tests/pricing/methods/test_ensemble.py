"""The ensemble: how its members' answers become one, by hand."""

import numpy as np
import pytest
import torch

from assay_pricing import methods
from assay_pricing.errors import DataError
from assay_pricing.methods.ensemble import Ensemble
from assay_pricing.methods.families.base import Parts
from tests.pricing.contexts import context, drawn, records, sample, soft, task

pytestmark = pytest.mark.unit
KNN = "knn"


def ensemble(k: int, by: str, *members: object) -> Ensemble:
    found = Ensemble(context(drawn(1, 20, 2, k), drawn(2, 10, 2, k), k), Parts(settings={"members": KNN, "by": by}))
    found.members = list(members)
    return found


class Member:
    """Answers what it was made with."""

    def __init__(self, values: list[float] | None = None, outputs: object = None) -> None:
        self._values, self._outputs = values, outputs

    def record_values(self, _: object) -> np.ndarray:
        return np.array(self._values, dtype=float)

    def junk_score(self, _: object) -> np.ndarray:
        return -np.array(self._values, dtype=float)

    def refit_outputs(self, *_: object) -> np.ndarray:
        return np.array(self._outputs, dtype=float)


OFFER = records([[0.0, 0]] * 4, [0] * 4, 2)


def test_by_mean_a_record_is_worth_the_members_mean() -> None:
    found = ensemble(2, "mean", Member([1, 2, 3, 4]), Member([10, 0, 0, 2]))
    assert found.record_values(OFFER).tolist() == [5.5, 1, 1.5, 3]
    assert found.junk_score(OFFER).tolist() == [-5.5, -1, -1.5, -3]


def test_by_rank_no_member_outweighs_the_others() -> None:
    """Ranks 1 2 3 4 and 4 1 2 3: mean 2.5 1.5 2.5 3.5; the means 5.5 1 1.5 3.5 are dealt in that order."""
    found = ensemble(2, "rank", Member([1, 2, 3, 4]), Member([10, 0, 0.5, 3]))
    assert found.record_values(OFFER).tolist() == [1.75, 1, 3.5, 5.5]


def test_a_set_is_priced_by_the_mean_probability() -> None:
    p, q = np.array([[[0.2, 0.8]]]), np.array([[[0.6, 0.4]]])
    found = ensemble(2, "rank", Member(outputs=np.log(p)), Member(outputs=np.log(q)))
    np.testing.assert_allclose(np.exp(found.refit_outputs(sample([[0.0, 0]], [0]), torch.ones(1, 1))), [[[0.4, 0.6]]])


def test_a_set_of_a_regression_is_priced_by_the_mean_value() -> None:
    found = ensemble(1, "rank", Member(outputs=[[[1.0]]]), Member(outputs=[[[4.0]]]))
    assert found.refit_outputs(sample([[0.0, 0]], [0]), torch.ones(1, 1)).tolist() == [[[2.5]]]


def test_members_are_fitted_and_restored_under_their_names() -> None:
    x = np.random.default_rng(0).normal(size=(60, 2))
    owner = records(x, (x[:, 0] > 0).astype(int), 2)
    settings = methods.settings("ensemble", {"members": "knn, tree"})
    found = Ensemble.fit(task(lambda rows: soft(rows * [0, 5]), owner, owner, settings))
    assert {name.split(".")[0] for name in found.parts.tensors} == {"tree"}
    assert [member.name for member in found.members] == ["knn", "tree"]
    assert found.parts.fidelity == min(member.parts.fidelity for member in _each(found, owner))
    again = Ensemble.restore(found.context, found.parts)
    assert again.record_values(owner.take(range(5))).tolist() == found.record_values(owner.take(range(5))).tolist()


def _each(found: Ensemble, owner: object) -> list[methods.Method]:
    made = task(lambda rows: soft(rows * [0, 5]), owner, owner)
    return [
        methods.method(member.name).fit(type(made)(**{**vars(made), "settings": methods.settings(member.name, {})}))
        for member in found.members
    ]


@pytest.mark.parametrize("members", ["knn,knn", "knn,ensemble", "knn,loss", "nothing", ""])
def test_members_are_distinct_methods_that_refit(members: str) -> None:
    with pytest.raises(DataError, match="expected distinct members among distillation, forest, knn"):
        Ensemble(context(drawn(1, 5, 2, 2), drawn(2, 5, 2, 2), 2), Parts(settings={"members": members, "by": "rank"}))


def test_another_way_of_joining_is_refused() -> None:
    owner = records([[0.0, 0]] * 4, [0, 1, 0, 1], 2)
    settings = methods.settings("ensemble", {"by": "median"})
    with pytest.raises(DataError, match="expected the members to be joined by rank or mean, got 'median'"):
        Ensemble.fit(task(lambda rows: soft(rows), owner, owner, settings))
