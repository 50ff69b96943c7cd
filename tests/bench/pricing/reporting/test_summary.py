"""The summary, by hand."""

import math

import pytest

from assay_bench.pricing.reporting.cases import case_rows
from assay_bench.pricing.reporting.goals import GOALS, Goal
from assay_bench.pricing.reporting.result_set import ResultSet
from assay_bench.pricing.reporting.scores import scorer_rows, truth_rows
from assay_bench.pricing.reporting.summary import overpayment, purchase_gain, speedup, summarise
from assay_bench.pricing.results import AttacksResult
from assay_bench.pricing.units import Part
from tests.bench.pricing.synthetic import DEFAULT, attack, method, purchase, results, scores, truth, unit

pytestmark = pytest.mark.unit


def summary(found: ResultSet) -> dict[str, float | None]:
    return summarise(found, scorer_rows(found), truth_rows(found), case_rows(found))


def test_every_figure_of_the_summary() -> None:
    assert summary(results()) == {
        "batch_rho_v_shift": pytest.approx(1),
        "batch_rho_v_iid": pytest.approx(1),
        "batch_rho_t_share": pytest.approx(1),
        "label_only_batch_rho_v": pytest.approx(0.8),
        "point_rho_v_shift": pytest.approx(1),
        "point_rho_v_iid": pytest.approx(1),
        "junk_auc": 1,
        "money_to_junk_shift": pytest.approx(1 / 16),
        "money_to_junk_iid": pytest.approx(1 / 16),
        "copy_gain_exact": 1,
        "copy_gain_near": 1.25,
        "purchase_gain_100": pytest.approx(0.1),
        "seconds_1000_points": 0.5,
        "price_to_training": 0.25,
        "adversarial_overpay": 1,
        "speedup_vs_pydvl": 20,
        "speedup_vs_dattri": None,
        # gains 0.6 0.2 0.1 0 0 and set values, like prices, 0.5 0.2 0.2 0 0.1: sums of products about 0.18 and 0.2
        "slope_lowest": pytest.approx(0.18 / 0.248),
        "slope_highest": pytest.approx(0.18 / 0.248),
        "r2_lowest": pytest.approx(0.18**2 / (0.248 * 0.14)),
        "price_slope_lowest": pytest.approx(0.18 / 0.248),
        "price_slope_highest": pytest.approx(0.18 / 0.248),
        "price_r2_lowest": pytest.approx(0.18**2 / (0.248 * 0.14)),
        "paid_over_true_lowest": pytest.approx(0.9 / 0.9),
        "paid_over_true_highest": pytest.approx(0.9 / 0.9),
        "harmful_paid": pytest.approx(0.1),
        "monotone": 1,
        "best_first": 1,
        "best_first_ceiling": 1,
        "best_first_validation": 1,
        "binary_difference": pytest.approx(0.3),
        "rho_shortfall": pytest.approx(0.9 - 9 / 9.5),
        # all that is offered is priced
        "slope_whole_lowest": pytest.approx(0.18 / 0.248),
        "slope_whole_highest": pytest.approx(0.18 / 0.248),
        "r2_whole_lowest": pytest.approx(0.18**2 / (0.248 * 0.14)),
        "paid_over_true_whole_lowest": pytest.approx(0.9 / 0.9),
        "paid_over_true_whole_highest": pytest.approx(0.9 / 0.9),
        "harmful_paid_whole": pytest.approx(0.1),
        "informative_refusals": None,
        "seconds_start": 1.5,
        "seconds_fit_100k": 50,
        "seconds_appraise_1000": 2.5,
    }


def test_a_summary_of_nothing_has_no_figures() -> None:
    assert summary(ResultSet({})) == dict.fromkeys(GOALS)


def test_the_share_of_the_ceiling_is_of_the_same_draw() -> None:
    found = ResultSet(
        {
            unit(Part.TRUTH): truth(sets_test=((1, 1), (3, 3), (2, 2), (4, 4))),
            unit(Part.METHOD, DEFAULT): method(sets=(1, 2, 4, 3)),
        }
    )
    # rho on test is 0.4, the ceiling 0.8
    assert summary(found)["batch_rho_t_share"] == pytest.approx(0.5)


def test_figures_are_of_digits_alone() -> None:
    wine = {unit(Part.TRUTH, data="wine"): truth(), unit(Part.METHOD, DEFAULT, data="wine"): method()}
    assert summary(ResultSet(dict(wine))) == dict.fromkeys(GOALS)


def test_a_purchase_is_compared_with_the_random_one_of_its_seed() -> None:
    found = ResultSet(
        {
            unit(Part.PURCHASE, DEFAULT, data="mnist_5k", seed=1): purchase(0.85),
            unit(Part.PURCHASE, "random", data="mnist_5k", seed=1): purchase(0.75),
            unit(Part.PURCHASE, DEFAULT, data="mnist_5k", seed=2): purchase(0.99),
            unit(Part.PURCHASE, "loss", data="mnist_5k", seed=1): purchase(0.1),
        }
    )
    assert purchase_gain(found) == pytest.approx(0.1)


def test_overpayment_is_relative_to_honest_sets() -> None:
    assert overpayment(results()) == {"crafted": pytest.approx(0.75), "outliers": pytest.approx(1), "split": 0}


def test_payment_without_a_gain_is_infinitely_much() -> None:
    found = AttacksResult(
        honest=attack(1.0, 2.0), crafted=attack(0.5, -1.0), outliers=attack(0.0, -1.0), split=attack(0.0, 1.0)
    )
    assert overpayment(ResultSet({unit(Part.ATTACKS, DEFAULT): found})) == {
        "crafted": math.inf,
        "outliers": 0,
        "split": 0,
    }


def test_the_speedup_is_of_the_fastest_method_that_ranks_as_well() -> None:
    found = ResultSet(
        {
            unit(Part.TRUTH): truth(),
            unit(Part.LIBRARY, "pydvl"): scores((6, 5, 4, 1, -1, -2), seconds_points=10.0),
            unit(Part.METHOD, "distillation"): method(seconds_points=0.5),
            unit(Part.METHOD, "newton"): method(seconds_points=2.0),
            unit(Part.METHOD, "loss"): method((1, 2, 3, 4, 5, 6), seconds_points=0.001),
        }
    )
    assert speedup(scorer_rows(found), "pydvl") == pytest.approx(20)


def test_a_baseline_of_a_methods_name_is_not_that_method() -> None:
    found = ResultSet(
        {
            unit(Part.TRUTH): truth(),
            unit(Part.LIBRARY, "pydvl"): scores(seconds_points=10.0),
            unit(Part.METHOD, "loss"): method(seconds_points=0.5),
            unit(Part.BASELINE, "loss"): scores(seconds_points=0.001),
        }
    )
    assert speedup(scorer_rows(found), "pydvl") == pytest.approx(20)


def test_there_is_no_speedup_over_a_library_that_ranks_better() -> None:
    found = ResultSet(
        {
            unit(Part.TRUTH): truth(),
            unit(Part.LIBRARY, "pydvl"): scores(),
            unit(Part.METHOD, DEFAULT): method((1, 2, 3, 4, 5, 6)),
        }
    )
    assert speedup(scorer_rows(found), "pydvl") is None


def test_a_goal_includes_its_bound() -> None:
    assert Goal(">=", 0.3, "").is_met(0.1 + 0.2)
    assert Goal("<=", 0.3, "").is_met(0.1 + 0.2)
    assert not Goal(">=", 0.3, "").is_met(0.299)
    assert not Goal("<=", 0.3, "").is_met(0.301)
    assert Goal(">=", 0.3, "").is_met(None) is None
    assert Goal(">=", None, "").is_met(0.3) is None
