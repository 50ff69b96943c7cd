"""The rows of a report, in the JSON form of ``out/pricing.json``."""

from typing import Literal

from assay_bench.pricing.results import CaseResult, CopiesResult, PurchaseResult, Result, ScaleResult, SpeedResult


class SeedRow(Result):
    """A row of one seed."""

    seed: int


class PlaceRow(Result):
    """A row of one data set, setting and seed."""

    data: str
    setting: str
    seed: int


class TruthRow(Result):
    """The true model, and how well true gains can be measured.

    Attributes:
        data: Data set.
        setting: ``shift`` or ``iid``.
        seed: Seed.
        accuracy: Of the true model on test records; None for a regression.
        test_loss: Of the true model.
        point_ceiling: Rank correlation of the records' true gains on validation and on test records.
        clean_point_ceiling: The same over fresh records alone.
        batch_reliability: Reliability of the sets' true gains on validation, Spearman-Brown.
        batch_ceiling: Rank correlation of the sets' true gains on validation and on test records.
        seconds_points: Time to retrain for all records.
        seconds_sets: Time to retrain for all sets.
    """

    data: str
    setting: str
    seed: int
    accuracy: float | None
    test_loss: float
    point_ceiling: float
    clean_point_ceiling: float
    batch_reliability: float
    batch_ceiling: float
    seconds_points: float
    seconds_sets: float


class ScorerRow(Result):
    """Figures of one scorer on one data set, setting and seed.

    Attributes:
        kind: ``method``, ``labels``, ``baseline`` or ``rival``: the part.
        name: Name of the scorer.
        data: Data set.
        setting: ``shift`` or ``iid``.
        seed: Seed.
        point_rho_update: Rank correlation of the records' scores with the change of the parameters.
        point_rho_v: The same with true gains on validation records.
        point_rho_t: The same with true gains on test records.
        clean_point_rho_v: ``point_rho_v`` over fresh records alone.
        clean_point_rho_t: ``point_rho_t`` over fresh records alone.
        junk_auc: Probability that a fresh record scores above a mislabelled or noise record.
        money_to_junk: Share of payments for mislabelled, noise and duplicate records.
        batch_rho_v: Rank correlation of the sets' scores with true gains on validation; None without set scores.
        batch_rho_t: The same with true gains on test records.
        seconds_fit: Preparation, once for a model.
        seconds_points: Time to score all records.
        seconds_set: Mean time to score a set; None but for methods, like the next three.
        fidelity: Agreement of the surrogate with the model.
        refused: The fidelity is under the floor.
        label_only: Fitted to the model's labels alone.
    """

    kind: Literal["method", "labels", "baseline", "rival"]
    name: str
    data: str
    setting: str
    seed: int
    point_rho_update: float
    point_rho_v: float
    point_rho_t: float
    clean_point_rho_v: float
    clean_point_rho_t: float
    junk_auc: float
    money_to_junk: float
    batch_rho_v: float | None
    batch_rho_t: float | None
    seconds_fit: float
    seconds_points: float
    seconds_set: float | None = None
    fidelity: float | None = None
    refused: bool | None = None
    label_only: bool | None = None


class GoalRow(Result):
    """A goal, and whether the figure reaches it; None for a figure without a value or without a goal."""

    sign: str
    goal: float | None
    met: bool | None


class BuyerRow(SeedRow):
    """A row of one seed and scorer."""

    name: str


class PurchaseRow(PurchaseResult, BuyerRow):
    """A purchase by a scorer's ranking."""


class CopiesRow(CopiesResult, PlaceRow):
    """Set values of copies."""


class SpeedRow(SpeedResult, SeedRow):
    """Seconds of one seed."""


class ScaleRow(ScaleResult, SeedRow):
    """Seconds for a table of one seed."""


class SellerMeans(Result):
    """Means over seeds for one seller of a real case.

    Attributes:
        priced: Share of the offered records that were priced.
        price: Base units.
        set_value: Predicted gain.
        gain: True gain of the priced records on test records.
        gain_error: Its standard error over the test records of all seeds.
        gain_validation: The same gain on validation records.
        gain_whole: True gain of the whole offer on test records.
    """

    priced: float
    price: float
    set_value: float
    gain: float
    gain_error: float
    gain_validation: float
    gain_whole: float


class CaseFigures(Result):
    """Agreement of prices and true gains on test records: of one draw of a real case, or means over draws.

    The true gains are those of the records that were priced, or those of the whole offers.

    If the price function is refused, prices are those that it would give. A figure is None where it is not defined; a
    mean is over the draws that define it.

    Attributes:
        rho: Rank correlation of price and true gain; sellers with a negative gain tie at 0.
        rho_set_value: Rank correlation of set value and true gain, without ties.
        ceiling: Rank correlation, as ``rho``, of the true gains on the two halves of the test records.
        ceiling_validation: The same of the true gains on validation and on test records.
        slope: Of set values on true gains, by least squares with an intercept. Negative ones of either count as 0: what
            harms is not bought, and one very harmful seller would decide the slope.
        r2: Its R^2.
        slope_full: As ``slope``, negative ones in full.
        r2_full: Its R^2.
        price_slope: Of prices over the rate on true gains, in the same way as ``slope``.
        price_r2: Its R^2.
        paid_over_true: Sum of the prices over the rate of useful sellers, over the sum of their true gains.
        harmful_paid: Share of all payments that harmful sellers get; None if nothing is paid, as by a refused function.
        monotone: Of the nested pairs of offers in which the added records are useful, the share in which the larger
            offer has at least the price of the smaller.
        best_first: The best seller has the highest price, and the function is not refused.
        best_first_ceiling: The best seller on one half of the test records is the best on the other, by the same rule.
        best_first_validation: The seller with the highest true gain on validation records is the best on test records.
        refused: The price function is refused.
        fidelity: Agreement of the surrogate with the model, 0..1.
        tested_rank: Rank agreement by the backtest, see ``CaseResult``.
        tested_slope: Slope by the backtest.
        binary_over_graded: Money that the binary rule pays over the graded one's, see ``CaseResult``.
        seconds_fit: Processor time to fit, without start-up, like the next.
        seconds_appraise: Mean processor time to appraise a seller's offer.
    """

    rho: float | None
    rho_set_value: float | None
    ceiling: float | None
    ceiling_validation: float | None
    slope: float | None
    r2: float | None
    slope_full: float | None
    r2_full: float | None
    price_slope: float | None
    price_r2: float | None
    paid_over_true: float | None
    harmful_paid: float | None
    monotone: float | None
    best_first: float | None
    best_first_ceiling: float | None
    best_first_validation: float | None
    refused: float | None
    fidelity: float | None
    tested_rank: float | None
    tested_slope: float | None
    binary_over_graded: float | None
    seconds_fit: float | None
    seconds_appraise: float | None


class CaseSeedRow(CaseResult, SeedRow):
    """One draw of a real case.

    Attributes:
        figures: Agreement of prices and true gains of the records that were priced.
        figures_whole: Agreement of prices and true gains of the whole offers.
        orderings: Which of the case's orderings hold.
    """

    figures: CaseFigures
    figures_whole: CaseFigures
    orderings: dict[str, bool]


class CaseRow(Result):
    """A real case.

    Attributes:
        name: Name of the case.
        metric: What gains are drops of.
        figures: Means over seeds, true gains being those of the records that were priced.
        figures_whole: Means over seeds, true gains being those of the whole offers.
        sellers: Means over seeds, by seller.
        orderings: Which orderings hold for the means.
        held: Share of seeds in which each ordering holds.
        seeds: Each draw.
    """

    name: str
    metric: str
    figures: CaseFigures
    figures_whole: CaseFigures
    sellers: dict[str, SellerMeans]
    orderings: dict[str, bool]
    held: dict[str, float]
    seeds: tuple[CaseSeedRow, ...]
