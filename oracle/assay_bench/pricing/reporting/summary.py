"""The summary: means over seeds for the default method, by the names of ``GOALS``."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from assay_bench.figures import mean
from assay_bench.pricing.data.parties import SETTINGS
from assay_bench.pricing.reporting.case_summary import summarise_cases
from assay_bench.pricing.reporting.goals import GOALS, REFERENCE
from assay_bench.pricing.reporting.result_set import ResultSet
from assay_bench.pricing.reporting.rows import CaseRow, ScorerRow, TruthRow
from assay_bench.pricing.results import (
    AttackGains,
    AttacksResult,
    CopiesResult,
    PurchaseResult,
    ScaleResult,
    SpeedResult,
    Values,
)
from assay_bench.pricing.units import Part
from assay_pricing import methods

_EQUAL_RHO = 0.02
_ROUNDING = 1e-9


def summarise(
    results: ResultSet, scorers: Sequence[ScorerRow], truths: Sequence[TruthRow], cases: Mapping[str, CaseRow]
) -> dict[str, float | None]:
    """The figures of the summary; None for a figure whose part was not run."""
    here = [row for row in scorers if row.data == REFERENCE]
    default = [row for row in here if row.kind == "method" and row.name == methods.DEFAULT]
    ceilings = {(row.setting, row.seed): row.batch_ceiling for row in truths if row.data == REFERENCE}
    summary: dict[str, float | None] = dict.fromkeys(GOALS)
    for setting in SETTINGS:
        rows = [row for row in default if row.setting == setting]
        summary[f"batch_rho_v_{setting}"] = mean(row.batch_rho_v for row in rows)
        summary[f"point_rho_v_{setting}"] = mean(row.point_rho_v for row in rows)
        summary[f"money_to_junk_{setting}"] = mean(row.money_to_junk for row in rows)
    summary["batch_rho_t_share"] = mean(
        row.batch_rho_t / ceilings[row.setting, row.seed] for row in default if row.batch_rho_t is not None
    )
    summary["label_only_batch_rho_v"] = mean(row.batch_rho_v for row in here if row.kind == "labels")
    summary["junk_auc"] = mean(row.junk_auc for row in default)
    copies = [row for _, row in results.select(Part.COPIES, CopiesResult, name=methods.DEFAULT)]
    summary["copy_gain_exact"] = _ratio((row.exact for row in copies), (row.one for row in copies))
    summary["copy_gain_near"] = _ratio((row.near for row in copies), (row.one for row in copies))
    summary["purchase_gain_100"] = purchase_gain(results)
    speed = [row for _, row in results.select(Part.SPEED, SpeedResult)]
    summary["seconds_1000_points"] = mean(row.seconds for row in speed)
    summary["price_to_training"] = mean(row.seconds / row.training for row in speed)
    summary["adversarial_overpay"] = max(overpayment(results).values(), default=None)
    summary["speedup_vs_pydvl"] = speedup(scorers, "pydvl")
    summary["speedup_vs_dattri"] = speedup(scorers, "dattri")
    scales = [row for _, row in results.select(Part.SCALE, ScaleResult)]
    summary["seconds_start"] = mean(row.seconds_start for row in scales)
    summary["seconds_fit_100k"] = mean(row.seconds_fit for row in scales)
    summary["seconds_appraise_1000"] = mean(row.seconds_appraise for row in scales)
    return summary | summarise_cases(cases)


def _total(values: Iterable[Values]) -> float:
    """Sum of all values, each at least 0."""
    return float(sum(np.clip(part, 0, None).sum() for part in values))


def _ratio(numerators: Iterable[Values], denominators: Iterable[Values]) -> float | None:
    """Sum over sum: the mean of the single ratios would be dominated by small denominators."""
    top, bottom = _total(numerators), _total(denominators)
    return top / bottom if bottom > 0 else None


def purchase_gain(results: ResultSet) -> float | None:
    """Mean over seeds of the accuracy after buying 100 records by the default method, less that of random buying."""
    bought = {(unit.seed, unit.name): row for unit, row in results.select(Part.PURCHASE, PurchaseResult)}
    return mean(
        row.accuracy_100 - bought[seed, "random"].accuracy_100
        for (seed, name), row in bought.items()
        if name == methods.DEFAULT and (seed, "random") in bought
    )


def overpayment(results: ResultSet) -> dict[str, float]:
    """Price over true gain by attack, relative to honest sets: sums over sets and seeds; empty without attacks."""
    runs = [attacks for _, attacks in results.select(Part.ATTACKS, AttacksResult)]
    if not runs:
        return {}
    honest_paid, honest_gain = _paid_and_gain(run.honest for run in runs)
    rate = honest_paid / honest_gain

    def over(attacks: Iterable[AttackGains]) -> float:
        paid, gain = _paid_and_gain(attacks)
        if rate * gain > _ROUNDING:
            return paid / (rate * gain)
        return 0.0 if paid <= _ROUNDING else float("inf")

    return {
        "crafted": over(run.crafted for run in runs),
        "outliers": over(run.outliers for run in runs),
        "split": over(run.split for run in runs),
    }


def _paid_and_gain(attacks: Iterable[AttackGains]) -> tuple[float, float]:
    found = list(attacks)
    return _total(one.paid for one in found), _total(one.validation for one in found)


def speedup(scorers: Sequence[ScorerRow], library: str) -> float | None:
    """Ratio of the library's seconds to our fastest method's, among methods that rank records at least as well.

    Preparation, once for a model, is excluded on both sides: many offers are priced for one model.

    Returns:
        The ratio; None if the library was not run, or if no method ranks as well.
    """
    here = [row for row in scorers if row.data == REFERENCE]
    theirs = [row for row in here if row.kind == "rival" and row.name == library]
    if not theirs:
        return None
    rho, seconds = mean(row.point_rho_v for row in theirs), mean(row.seconds_points for row in theirs)
    ours: dict[str, list[ScorerRow]] = {}
    for row in here:
        if row.kind == "method":
            ours.setdefault(row.name, []).append(row)
    fastest = min(
        (
            mean(row.seconds_points for row in rows) or 0.0
            for rows in ours.values()
            if (mean(row.point_rho_v for row in rows) or 0.0) >= (rho or 0.0) - _EQUAL_RHO
        ),
        default=None,
    )
    return (seconds or 0.0) / fastest if fastest else None
