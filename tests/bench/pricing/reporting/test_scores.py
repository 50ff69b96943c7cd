"""Figures of scorers against true gains, by hand."""

import pytest

from assay_bench.pricing.reporting.goals import LABEL_ONLY
from assay_bench.pricing.reporting.result_set import ResultSet
from assay_bench.pricing.reporting.scores import scorer_row, scorer_rows, truth_row, truth_rows
from assay_bench.pricing.units import Part
from tests.bench.pricing.synthetic import DEFAULT, method, results, scores, truth, unit

pytestmark = pytest.mark.unit


def test_scores_equal_to_the_true_gains_are_perfect() -> None:
    row = scorer_row(unit(Part.METHOD, DEFAULT), method(), truth())
    assert (row.point_rho_v, row.point_rho_t, row.clean_point_rho_v, row.clean_point_rho_t) == pytest.approx((1,) * 4)
    assert row.point_rho_update == pytest.approx(-1)
    assert (row.batch_rho_v, row.batch_rho_t) == pytest.approx((1, 1))
    assert row.junk_auc == 1
    assert row.money_to_junk == pytest.approx(1 / 16)


def test_clean_figures_are_of_fresh_records_alone() -> None:
    row = scorer_row(unit(Part.BASELINE, "loss"), scores((4, 5, 6, 1, -1, -2)), truth())
    assert row.clean_point_rho_v == pytest.approx(-1)
    assert row.point_rho_v == pytest.approx(1 - 6 * 8 / (6 * 35))


def test_junk_and_payments_use_the_methods_own_scores() -> None:
    row = scorer_row(
        unit(Part.METHOD, DEFAULT), method(gate=(0, 0, 0, 0, 1, -1), paid_points=(1, 1, 1, 0, 1, 0)), truth()
    )
    assert row.junk_auc == 0.5
    assert row.money_to_junk == 0.25
    assert row.point_rho_v == pytest.approx(1)


def test_a_baseline_is_paid_its_scores_and_has_no_fidelity() -> None:
    row = scorer_row(unit(Part.BASELINE, "loss"), scores((0, 0, 0, 1, 1, 2)), truth())
    assert row.junk_auc == 0
    assert row.money_to_junk == 1
    assert (row.batch_rho_v, row.batch_rho_t) == (None, None)
    assert (row.seconds_set, row.fidelity, row.refused, row.label_only) == (None,) * 4


def test_sets_are_compared_with_the_mean_over_initialisations() -> None:
    gains = ((0.0, 4.0), (3.0, 3.0), (4.0, 0.0))
    row = scorer_row(unit(Part.METHOD, DEFAULT), method(sets=(1, 2, 1)), truth(sets_validation=gains, sets_test=gains))
    assert row.batch_rho_v == pytest.approx(1)


def test_rows_are_methods_labels_baselines_libraries_and_no_missing_library() -> None:
    rows = [row for row in scorer_rows(results()) if row.setting == "iid"]
    assert [(row.kind, row.name) for row in rows] == [
        ("method", DEFAULT),
        ("labels", LABEL_ONLY),
        ("baseline", "random"),
        ("rival", "pydvl"),
    ]


def test_a_scorer_without_true_gains_has_no_row() -> None:
    assert scorer_rows(ResultSet({unit(Part.METHOD, DEFAULT): method()})) == []


def test_a_truth_has_ceilings_and_reliability() -> None:
    row = truth_row(
        unit(Part.TRUTH),
        truth(
            test=(4.0, 5.0, 6.0, 1.0, -1.0, -2.0),
            sets_validation=((1, 1), (2, 3), (3, 2)),
            sets_test=((3, 3), (2, 2), (1, 1)),
        ),
    )
    assert row.clean_point_ceiling == pytest.approx(-1)
    assert row.point_ceiling == pytest.approx(1 - 6 * 8 / (6 * 35))
    assert row.batch_reliability == pytest.approx(2 / 3)
    # mean gains on validation are 1, 2.5, 2.5 and on test 3, 2, 1
    assert row.batch_ceiling == pytest.approx(-(3**0.5) / 2)
    assert (row.accuracy, row.seconds_points, row.seconds_sets) == (0.75, 2, 3)


def test_truth_rows_are_in_the_order_of_the_units() -> None:
    assert [(row.setting, row.seed) for row in truth_rows(results())] == [("iid", 1), ("shift", 1)]
