"""Agreement of prices and true gains in one draw of a real case, by hand."""

import pytest

from assay_bench.pricing.reporting.case_figures import (
    best_first,
    case_figures,
    mean_figures,
    price_gain_correlation,
    useful_pairs,
)
from assay_bench.pricing.reporting.case_summary import shortfall, summarise_cases
from assay_bench.pricing.reporting.cases import case_row
from assay_bench.pricing.results import CaseResult, SellerResult
from assay_bench.pricing.units import Part
from tests.bench.pricing.synthetic import DEFAULT, case, seller, true_gain, unit

pytestmark = pytest.mark.unit


def of(*sellers: SellerResult, refused: bool = False) -> CaseResult:
    named = {f"seller {i}": one for i, one in enumerate(sellers)}
    return CaseResult(
        metric="squared_error",
        fidelity=0.8,
        refused=refused,
        tested_rank=None,
        tested_slope=None,
        seconds_fit=2.0,
        binary_over_graded=None if refused else 1.0,
        sellers=named,
    )


def test_harmful_sellers_tie_at_a_gain_of_zero() -> None:
    # prices 0.5 0.2 0.2 0 0.1 and gains 0.6 0.2 0.1 0 0: ranks 5 3.5 3.5 1 2 and 5 4 3 1.5 1.5
    assert price_gain_correlation(case().sellers) == pytest.approx(9 / (9.5 * 9.5) ** 0.5)


def test_set_values_that_are_half_of_the_gains_have_slope_one_half() -> None:
    figures = case_figures(of(*(seller(max(g, 0) / 2, g, set_value=g / 2 + 0.3) for g in (1.0, 0.4, -2.0))))
    assert (figures.slope_full, figures.r2_full, figures.rho_set_value) == pytest.approx((0.5, 1, 1))
    # set values 0.8 0.5 0 on gains 1 0.4 0: sums of products about the means 13/30 and 7/15
    assert figures.slope == pytest.approx((0.8 + 0.2 - 1.3 * 1.4 / 3) / (1.16 - 1.4**2 / 3))
    assert (figures.price_slope, figures.price_r2) == pytest.approx((0.5, 1))
    assert figures.paid_over_true == pytest.approx(0.5)


def test_the_ceiling_is_of_the_two_halves_of_the_test_records() -> None:
    figures = case_figures(
        of(
            seller(0.3, 0.3, gain_halves=(0.3, 0.2), gain_validation=0.1),
            seller(0.2, 0.2, gain_halves=(0.2, 0.3), gain_validation=0.2),
            seller(0.1, -0.1, gain_halves=(-0.1, -0.2), gain_validation=-0.5),
            seller(0.0, -0.2, gain_halves=(-0.2, -0.1), gain_validation=-0.1),
        )
    )
    # ranks 4 3 1.5 1.5 and 3 4 1.5 1.5
    assert figures.ceiling == pytest.approx(3.5 / 4.5)
    assert figures.ceiling_validation == pytest.approx(3.5 / 4.5)


def test_money_counts_beyond_the_standard_error_of_the_true_gain() -> None:
    figures = case_figures(
        of(seller(0.6, 0.5), seller(0.3, 0.009), seller(0.3, -0.009), seller(0.4, -0.5), seller(0.4, 0.5))
    )
    assert figures.paid_over_true == pytest.approx(1.0)
    assert figures.harmful_paid == pytest.approx(0.2)


def test_a_refused_function_pays_nothing_and_puts_nobody_first() -> None:
    figures = case_figures(of(seller(0.5, 0.5), seller(0.1, -0.5), refused=True))
    assert (figures.best_first, figures.refused, figures.harmful_paid) == (0, 1, None)
    assert (figures.rho, figures.paid_over_true, figures.fidelity) == (pytest.approx(1), pytest.approx(1), 0.8)


def test_figures_that_are_not_defined_are_none() -> None:
    figures = case_figures(of(seller(0.0, -0.5), seller(0.0, -0.5)))
    assert (figures.slope, figures.price_slope, figures.paid_over_true, figures.harmful_paid) == (None,) * 4
    assert figures.monotone is None
    assert (figures.rho, figures.best_first) == (0, 0)


def test_the_best_seller_is_known_to_its_standard_error_alone() -> None:
    assert best_first(case(few=(0.7, 0.595)).sellers)
    assert not best_first(case(few=(0.7, 0.585)).sellers)
    assert best_first(case(few=(0.5, 0.2)).sellers), "of two highest prices one is the best seller's"


def test_half_of_the_test_records_and_the_validation_records_may_have_another_best_seller() -> None:
    first = seller(0.3, 0.3, gain_halves=(0.35, 0.25), gain_validation=0.1)
    figures = case_figures(of(first, seller(0.2, 0.28, gain_halves=(0.25, 0.31), gain_validation=0.2)))
    # errors 0.01, of a half 0.014: each half has another best seller, by more than that
    assert (figures.best_first, figures.best_first_ceiling, figures.best_first_validation) == (1, 0, 0)


def test_a_pair_is_in_order_if_more_useful_records_cost_no_less() -> None:
    nested = {"few": (0.2, 0.1), "new_half": (0.1, 0.3), "new_clean": (0.2, 0.31)}
    pairs = useful_pairs(case(**nested).sellers)
    # from half to all the gain grows by 0.01, the standard error of this difference is 0.014
    assert [(smaller.gain, larger.gain) for smaller, larger in pairs] == [(0.1, 0.3), (0.1, 0.31)]
    assert case_figures(case(**nested)).monotone == 0.5


def test_a_mean_is_over_the_draws_that_define_it() -> None:
    draws = [case_figures(case(new_clean=(price, 0.6))) for price in (0.5, 1.1)]
    nothing = case_figures(of(seller(0.0, -0.5), seller(0.0, -0.5), refused=True))
    means = mean_figures([*draws, nothing])
    assert means.paid_over_true == pytest.approx((0.9 + 1.5) / 2 / 0.9)
    assert means.refused == pytest.approx(1 / 3)
    assert means.seconds_fit == pytest.approx((1 + 1 + 2) / 3)
    assert means.seconds_appraise == pytest.approx(0.1)
    assert means.binary_over_graded == pytest.approx(0.7), "of the two draws that pay"


def test_the_summary_has_the_worst_cases() -> None:
    good = case_row("news", [(unit(Part.CASE, DEFAULT, data="news", setting="-"), case())])
    twice = case(**{name: (2 * one.set_value, one.gain) for name, one in case().sellers.items()})
    double = case_row("icons", [(unit(Part.CASE, DEFAULT, data="icons", setting="-"), twice)])
    summary = summarise_cases({"C": good, "D": double})
    assert (summary["paid_over_true_lowest"], summary["paid_over_true_highest"]) == pytest.approx((1, 2))
    assert summary["slope_highest"] == pytest.approx(2 * (summary["slope_lowest"] or 0))
    assert summary["harmful_paid"] == pytest.approx(0.1)
    assert "r2_highest" not in summary


def test_a_seller_of_junk_is_paid_for_the_priced_records_and_harms_as_a_whole() -> None:
    junk = seller(0.1, 0.1, priced=4, whole=true_gain(-0.2))
    draw = case().model_copy(update={"sellers": case().sellers | {"mislabelled_30": junk}})
    row = case_row("news", [(unit(Part.CASE, DEFAULT, data="news", setting="-"), draw)])
    assert (row.figures.harmful_paid, row.figures_whole.harmful_paid) == pytest.approx((0, 0.1))
    assert (row.figures.paid_over_true, row.figures_whole.paid_over_true) == pytest.approx((1.0 / 1.0, 0.9 / 0.9))
    assert (row.sellers["mislabelled_30"].priced, row.sellers["mislabelled_30"].gain_whole) == (0.4, -0.2)
    summary = summarise_cases({"C": row})
    assert (summary["harmful_paid"], summary["harmful_paid_whole"]) == pytest.approx((0, 0.1))
    # gains 0.6 0.2 0.1 0 0.1, or 0.6 0.2 0.1 0 0, and set values 0.5 0.2 0.2 0 0.1
    assert (summary["slope_lowest"], summary["slope_whole_lowest"]) == pytest.approx((0.17 / 0.22, 0.18 / 0.248))


def test_the_shortfall_is_under_nine_tenths_or_near_the_ceiling() -> None:
    figures = case_figures(case())
    assert shortfall(figures.model_copy(update={"rho": 0.88, "ceiling": 0.97})) == pytest.approx(0.02)
    assert shortfall(figures.model_copy(update={"rho": 0.7, "ceiling": 0.8})) == pytest.approx(0.05)
    assert shortfall(figures.model_copy(update={"rho": 0.95, "ceiling": 0.8})) == pytest.approx(-0.2)


def test_a_refusal_is_informative_if_the_prices_would_not_have_ranked() -> None:
    backwards = of(seller(0.1, 0.5), seller(0.5, 0.1), refused=True)
    forwards = of(seller(0.5, 0.5), seller(0.1, 0.1), refused=True)
    figures = [case_figures(one) for one in (backwards, forwards)]
    assert [one.rho for one in figures] == pytest.approx([-1, 1])
    row = case_row("news", [(unit(Part.CASE, DEFAULT, data="news", setting="-"), case())])
    draws = tuple(row.seeds[0].model_copy(update={"refused": True, "figures": one}) for one in figures)
    assert summarise_cases({"C": row.model_copy(update={"seeds": draws})})["informative_refusals"] == 0.5
