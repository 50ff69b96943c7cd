"""What a price function says of a typical offer is what it pays for one."""

from typing import Self

import numpy as np
import pytest
from torch import Tensor

from assay_pricing.backtest.typical import typical
from assay_pricing.methods import Method, Parts, RefitMethod
from assay_pricing.records.records import Float64, Records
from assay_pricing.surrogate.task import Context, Sample, Task
from tests.pricing.contexts import manifest, records, task

pytestmark = pytest.mark.unit


class Inverse(RefitMethod):
    """Its squared error is 100 over the number of records that it has learned."""

    name = "inverse"

    @classmethod
    def fit(cls, task: Task) -> Self:
        return cls(task.context, Parts())

    def refit_outputs(self, offer: Sample, weights: Tensor) -> Float64:
        known = self.context.base.weight.sum() + weights.sum(1)
        return np.asarray(self.context.metric.y[None, :, None] + (100 / known).sqrt().numpy()[:, None, None])


class Bound(Inverse):
    """Cannot do without a record."""

    name = "bound"

    def on(self, context: Context) -> None:
        assert context


class Single(Method):
    """Has no surrogate to refit."""

    name = "single"

    @classmethod
    def fit(cls, task: Task) -> Self:
        return cls(task.context, Parts())

    def record_values(self, records: Records) -> Float64:
        return np.ones(records.n)


def of_line(n: int) -> Task:
    """A regression whose model is off by 0.5."""
    x = np.random.default_rng(0).normal(size=(n + 40, 2))
    whole = records(x, x[:, 0], 1)
    return task(lambda x: x[:, 0] + 0.5, whole.take(np.arange(n)), whole.take(np.arange(n, n + 40)))


def test_it_is_what_a_held_out_fifth_is_paid() -> None:
    owner = of_line(200)
    found = typical(Inverse.fit(owner), manifest(), owner)
    assert found.records == 40
    assert found.gain == pytest.approx(100 / 160 - 100 / 200)
    assert found.risk == pytest.approx(0.25), "of the model itself"


class Uneven(Inverse):
    """Half of its squared error is on every record, the other half on every second one."""

    name = "uneven"

    def refit_outputs(self, offer: Sample, weights: Tensor) -> Float64:
        known = self.context.base.weight.sum() + weights.sum(1)
        losses = (100 / known).numpy()[:, None] * np.where(np.arange(40) % 2, 0.5, 1.5)
        return np.asarray((self.context.metric.y + np.sqrt(losses))[:, :, None])


def test_as_many_validation_records_are_enough_as_make_the_error_a_fifth_of_the_gain() -> None:
    """Gains of 40 records are .5 and 1.5 times their mean: its error is .5 / sqrt(40) of it, a fifth with 6.25."""
    owner = of_line(200)
    found = typical(Uneven.fit(owner), manifest(), owner)
    assert found.error == pytest.approx(0.5 / 40**0.5 * found.gain, rel=0.15), "of 200 bootstrap samples"
    assert found.enough == pytest.approx(6.25, rel=0.35)
    rough = typical(Single.fit(owner), manifest(), owner)
    assert (rough.error, rough.enough) == (0, 0), "not measured"


def test_a_fifth_of_many_records_is_one_of_those_that_a_function_carries(monkeypatch: pytest.MonkeyPatch) -> None:
    """The others are represented by weights: an offer adds to all of them, not to those that are carried."""
    monkeypatch.setattr("assay_pricing.backtest.typical.MAX_BASE", 50)
    monkeypatch.setattr("assay_pricing.surrogate.task.MAX_BASE", 50)
    owner = of_line(200)
    found = typical(Inverse.fit(owner), manifest(), owner)
    assert found.records == 10
    assert found.gain == pytest.approx(100 / 190 - 100 / 200)


@pytest.mark.parametrize("kind", [Bound, Single])
def test_a_method_that_cannot_do_without_records_has_the_outlook_of_a_small_network(kind: type[Method]) -> None:
    owner = of_line(60)
    found = typical(kind.fit(owner), manifest(), owner)
    assert found.records == 12
    assert found.gain >= 0
    assert found.risk == pytest.approx(0.25)


def test_a_model_of_labels_alone_has_the_surrogates_risk_where_the_goal_needs_probabilities() -> None:
    x = np.random.default_rng(0).normal(size=(100, 2))
    whole = records(x, x[:, 0] > 0, 2)
    owner = task(lambda x: x[:, 0] > 0, whole.take(np.arange(60)), whole.take(np.arange(60, 100)))

    class Even(Inverse):
        name = "even"

        def refit_outputs(self, offer: Sample, weights: Tensor) -> Float64:
            return np.full((len(weights), 40, 2), np.log(0.5))

    found = typical(Even.fit(owner), manifest(risk=0.7, schema_=whole.schema), owner)
    assert (found.risk, found.gain) == (0.7, 0.0)
