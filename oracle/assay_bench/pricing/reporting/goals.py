"""The goals: the figures of the summary, with the bounds that the default method is held to."""

from dataclasses import dataclass
from typing import Literal

from assay_pricing import methods

REFERENCE = "digits"
"""The data set that the goals are about."""
LABEL_ONLY = f"{methods.DEFAULT}, labels alone"
"""Name of the default method when it is fitted to the model's labels alone."""
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Goal:
    """A bound on a figure.

    Attributes:
        sign: ``>=`` or ``<=``.
        bound: The figure's bound, inclusive; None for a figure that is shown alone.
        meaning: What the figure is, for the report.
    """

    sign: Literal[">=", "<="]
    bound: float | None
    meaning: str

    def is_met(self, value: float | None) -> bool | None:
        """Whether a value reaches the goal; None for an unknown value, and without a bound."""
        if value is None or self.bound is None:
            return None
        return value >= self.bound - _ROUNDING if self.sign == ">=" else value <= self.bound + _ROUNDING


def _at_least(bound: float, meaning: str) -> Goal:
    return Goal(">=", bound, meaning)


def _at_most(bound: float, meaning: str) -> Goal:
    return Goal("<=", bound, meaning)


def _shown(meaning: str) -> Goal:
    return Goal(">=", None, meaning)


_OF_SCORERS = {
    "batch_rho_v_shift": _at_least(0.94, "rank correlation of set values with true gains on validation, `shift`"),
    "batch_rho_v_iid": _at_least(0.95, "the same, `iid`"),
    "batch_rho_t_share": _at_least(0.95, "the same with true gains on test records, as a share of its ceiling"),
    "label_only_batch_rho_v": _at_least(0.85, "rank correlation of set values, labels alone, both settings"),
    "point_rho_v_shift": _at_least(0.78, "rank correlation of single records with true gains on validation, `shift`"),
    "point_rho_v_iid": _at_least(0.67, "the same, `iid`"),
    "junk_auc": _at_least(0.95, "probability that a fresh record scores above a mislabelled or noise record"),
    "money_to_junk_shift": _at_most(
        0.05, "share of payments for mislabelled, noise and duplicate records (44 % of the offer), `shift`"
    ),
    "money_to_junk_iid": _at_most(0.15, "the same, `iid`"),
    "copy_gain_exact": _at_most(1.0, "value of 20 exact copies of a record, over the value of the record"),
    "copy_gain_near": _at_most(1.2, "the same for 20 near copies"),
    "purchase_gain_100": _at_least(0.085, "accuracy on MNIST-5k after buying 100 records, less that of random buying"),
    "seconds_1000_points": _at_most(1.0, "seconds to price 1,000 records for a model of 101,770 parameters"),
    "price_to_training": _at_most(
        1 / 3, "seconds to price 1,000 records, over the seconds of one training of the model"
    ),
    "adversarial_overpay": _at_most(1.2, "price over true gain in the worst attack, with honest sets at 1"),
    "speedup_vs_pydvl": _at_least(10.0, "speed of our fastest method of at least equal rank correlation, over pyDVL's"),
    "speedup_vs_dattri": _at_least(10.0, "the same, over dattri's"),
}
_OF_CASES = {
    "slope_lowest": _at_least(0.8, "slope of set values on true gains, lowest real case"),
    "slope_highest": _at_most(1.25, "the same, highest real case"),
    "r2_lowest": _at_least(0.8, "R² of the same, lowest real case"),
    "price_slope_lowest": _at_least(0.8, "slope of prices on true gains, lowest real case"),
    "price_slope_highest": _at_most(1.25, "the same, highest real case"),
    "price_r2_lowest": _at_least(0.8, "R² of the same, lowest real case"),
    "paid_over_true_lowest": _at_least(0.7, "prices of useful sellers over their true gains, lowest real case"),
    "paid_over_true_highest": _at_most(1.3, "the same, highest real case"),
    "harmful_paid": _at_most(0.03, "share of all money that harmful sellers get, mean over the real cases"),
    "monotone": _at_least(0.97, "share of nested offers of useful records priced in order, mean over the real cases"),
    "best_first": _at_least(
        0.95, "share of draws in which the best seller has the highest price, a refused function being a failure"
    ),
    "best_first_ceiling": _shown("the same of true gains on one half of the test records, judged by the other half"),
    "best_first_validation": _shown("the same of true gains on validation records, from which prices are read"),
    "binary_difference": _at_most(
        0.2,
        "what the binary rule pays over what the graded one pays, with one budget, less 1; mean over the real cases",
    ),
    "rho_shortfall": _at_most(
        0.0, "rank correlation of price and true gain under 0.9 and under its ceiling less 0.05, worst real case"
    ),
    "slope_whole_lowest": _shown("slope of set values on true gains of the whole offers, lowest real case"),
    "slope_whole_highest": _shown("the same, highest real case"),
    "r2_whole_lowest": _shown("R² of the same, lowest real case"),
    "paid_over_true_whole_lowest": _shown(
        "prices of sellers whose whole offers are useful over the true gains of these, lowest real case"
    ),
    "paid_over_true_whole_highest": _shown("the same, highest real case"),
    "harmful_paid_whole": _shown("share of all money that sellers get whose whole offers are harmful"),
    "informative_refusals": _shown("share of refused functions whose prices have a rank correlation under 0.5"),
    "seconds_start": _shown("seconds of a command that starts and reads a price function"),
    "seconds_fit_100k": _at_most(60.0, "seconds to fit a table of 100,000 records with 20 columns, without start-up"),
    "seconds_appraise_1000": _at_most(2.0, "seconds of the command that appraises 1,000 records, start-up included"),
}
GOALS: dict[str, Goal] = _OF_SCORERS | _OF_CASES
