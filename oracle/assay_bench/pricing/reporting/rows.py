"""The rows of a report, in the JSON form of ``out/pricing.json``."""

from typing import Literal

from assay_bench.pricing.results import CaseResult, CopiesResult, PurchaseResult, Result, SpeedResult


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
    """A goal, and whether the figure reaches it; None for a figure without a value."""

    sign: str
    goal: float
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


class SellerMeans(Result):
    """Means over seeds for one seller of a real case: price (base units), set value, true gain (log loss)."""

    price: float
    set_value: float
    gain: float


class CaseSeedRow(CaseResult, SeedRow):
    """One draw of a real case.

    Attributes:
        spearman: Rank correlation of price and true gain over sellers.
        orderings: Which of the case's orderings hold.
    """

    spearman: float
    orderings: dict[str, bool]


class CaseRow(Result):
    """A real case.

    Attributes:
        name: Name of the case.
        sellers: Means over seeds, by seller.
        spearman: Mean over seeds of the rank correlation of price and true gain.
        spearman_of_means: Rank correlation of the means.
        orderings: Which orderings hold for the means.
        held: Share of seeds in which each ordering holds.
        fidelity: Mean over seeds.
        seeds: Each draw.
    """

    name: str
    sellers: dict[str, SellerMeans]
    spearman: float
    spearman_of_means: float
    orderings: dict[str, bool]
    held: dict[str, float]
    fidelity: float
    seeds: tuple[CaseSeedRow, ...]
