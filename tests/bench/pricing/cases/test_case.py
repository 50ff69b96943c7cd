"""True gains of an offer, by hand; and a regression through a whole case."""

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pandas as pd
import pytest

from assay_bench.pricing.cases import CASES, bikes
from assay_bench.pricing.cases.boosting import boosted_case
from assay_bench.pricing.cases.case import Answer, Case, class_probabilities, numeric_schema, record_losses, records
from assay_bench.pricing.cases.tables import Sizes, table_records, two_populations
from assay_bench.pricing.parts.real_cases import priced_rows, real_case
from assay_bench.pricing.parts.scale import generated
from assay_bench.pricing.reporting.case_figures import case_figures
from assay_bench.pricing.units import Part, Unit
from assay_pricing.appraisal import Appraisal, Verdict
from assay_pricing.records.records import Records

pytestmark = pytest.mark.unit

DUPLICATE = (Verdict.REPEATED, Verdict.OWNED)


def constant(data: Records) -> Answer:
    """A model of two classes that gives the share of each class among its records."""
    share = data.y.mean()
    return lambda asked: np.tile([1 - share, share], (len(asked), 1))


def labelled(*y: int) -> Records:
    return records(numeric_schema(1, ("no", "yes")), np.zeros((len(y), 1)), y)


def test_a_gain_is_the_drop_of_the_loss_on_records_that_no_price_sees() -> None:
    case = Case(None, constant, labelled(0, 1), labelled(1), labelled(1, 0, 1, 1), {})
    gain = case.gain(labelled(1, 1))  # the share of ones rises from 1/2 to 3/4
    up, down = np.log(3 / 2), np.log(1 / 2)
    assert gain.gain == pytest.approx((3 * up + down) / 4)
    assert gain.gain_halves == pytest.approx((up, (down + up) / 2))
    assert gain.gain_validation == pytest.approx(up)
    assert gain.gain_error == pytest.approx(np.std([up, down, up, up], ddof=1) / 2)


def test_no_records_bring_nothing_and_train_nothing() -> None:
    def train(data: Records) -> Answer:
        raise AssertionError(f"trained on {data.n} records")

    gain = Case(None, train, labelled(0, 1), labelled(1), labelled(1), {}).gain(labelled())
    assert (gain.gain, gain.gain_error, gain.gain_halves, gain.gain_validation) == (0, 0, (0, 0), 0)


def test_the_true_gain_is_that_of_the_records_that_are_priced() -> None:
    useful, harmful, repeated, owned, excluded = Verdict.USEFUL, Verdict.HARMFUL, *DUPLICATE, Verdict.EXCLUDED
    appraisal = cast(Appraisal, SimpleNamespace(verdicts=(useful, excluded, repeated, harmful, owned)))
    assert priced_rows(appraisal).tolist() == [0, 3]
    assert priced_rows(cast(Appraisal, SimpleNamespace(verdicts=(owned, excluded)))).tolist() == []


def test_an_impossible_class_costs_no_infinite_loss() -> None:
    assert record_losses(np.array([[1.0, 0.0]]), labelled(1)) == pytest.approx(-np.log(1e-6))


def test_a_class_that_a_model_never_saw_has_probability_zero() -> None:
    seen = SimpleNamespace(classes_=np.array([2, 0]), predict_proba=lambda _: np.array([[0.75, 0.25]]))
    assert class_probabilities(seen, None, range(3)).tolist() == [[0.25, 0, 0.75]]


def small_case() -> Case:
    """A regression over a number with gaps and a text, whose owner knows one level of the text alone."""
    rng = np.random.default_rng(3)
    x, place = rng.uniform(-2, 2, 600), rng.integers(0, 2, 600)
    columns = pd.DataFrame(
        {
            "x": np.where(rng.random(600) < 0.1, np.nan, x),
            "place": np.array(["sea", "land"], dtype=object)[place],
        }
    )
    table = table_records(columns, pd.Series(np.sin(x) + place + rng.normal(0, 0.1, 600), name="y"))
    rows = two_populations(place == 0, Sizes(owner=80, offer=40, validation=60, test=100), rng)
    return boosted_case(table, rows, rng.normal(size=600), {"max_iter": 20, "random_state": 0}, rng)


def test_a_regression_goes_through_the_whole_benchmark(monkeypatch: pytest.MonkeyPatch) -> None:
    case = small_case()
    monkeypatch.setattr(bikes, "draw", lambda *_: case)
    result = real_case(Unit(Part.CASE, "bikes", "-", 0, "knn"), Path("unused"))
    assert result.metric == "squared_error"
    assert set(result.sellers) == set(case.sellers)
    best = result.sellers["new_clean"]
    assert best.gain > 5 * best.gain_error
    assert result.sellers["off_topic"].gain < 0
    assert all(one.price >= 0 for one in result.sellers.values())
    figures = case_figures(result)
    assert figures.ceiling is not None
    assert figures.ceiling > 0.8
    assert figures.refused == (result.fidelity < 0.9)
    assert any(one.price for one in result.sellers.values()), "a refused function says what it would pay"
    copied, copy = result.sellers["few_copied"], result.sellers["own_copy"]
    assert (copied.records, copied.priced) == (40, 4)
    assert copied.gain == result.sellers["few"].gain
    assert copied.whole.gain != copied.gain
    assert (copy.priced, copy.gain, copy.price) == (0, 0, 0)
    assert result.as_whole.sellers["few_copied"].gain == copied.whole.gain
    assert best.whole.gain == best.gain
    assert result.binary_over_graded is not None
    assert result.binary_over_graded > 0


def test_every_case_has_a_letter() -> None:
    assert sorted(CASES.values()) == list("ABCDEF")


def test_the_large_table_has_twenty_columns_and_two_classes() -> None:
    table = generated(500, 1)
    assert len(table.schema.features) == 20
    assert table.schema.classes == ("no", "yes")
    assert 0.2 < table.y.mean() < 0.8
