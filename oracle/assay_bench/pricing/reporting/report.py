"""The report of a run: everything in ``out/pricing.json``."""

from collections.abc import Iterable, Sequence

from assay_bench.pricing.cache import ResultCache
from assay_bench.pricing.reporting.cases import case_rows
from assay_bench.pricing.reporting.goals import GOALS, LABEL_ONLY
from assay_bench.pricing.reporting.result_set import ResultSet
from assay_bench.pricing.reporting.rows import (
    CaseRow,
    CopiesRow,
    GoalRow,
    PurchaseRow,
    ScaleRow,
    ScorerRow,
    SpeedRow,
    TruthRow,
)
from assay_bench.pricing.reporting.scores import scorer_rows, truth_rows
from assay_bench.pricing.reporting.summary import overpayment, summarise
from assay_bench.pricing.results import CopiesResult, PurchaseResult, Result, ScaleResult, SpeedResult
from assay_bench.pricing.scorers.baselines import BASELINES
from assay_bench.pricing.units import BESIDE, Part, Unit
from assay_pricing import methods


class Report(Result):
    """Figures of a run.

    Attributes:
        seeds: Seeds of the run.
        quick: Whether it was the quick run.
        default: Name of the default method.
        label_only: Name of the default method with labels alone.
        summary: Figures by the names of ``GOALS``; None for a figure that was not run.
        goals: Bound of each figure, and whether it is met.
        truth: True models and true gains.
        methods: Scorers of all kinds.
        purchases: Accuracy after purchases.
        copies: Set values of copies.
        attacks: Price over true gain by attack.
        speed: Seconds to price and to train.
        scale: Seconds for a large table.
        cases: Real cases by letter.
        cases_beside: The same by other methods.
        baselines: Names of the baselines.
        missing: Seeds of the units of the plan that have no result, by their part and data.
    """

    seeds: tuple[int, ...]
    quick: bool
    default: str
    label_only: str
    summary: dict[str, float | None]
    goals: dict[str, GoalRow]
    truth: tuple[TruthRow, ...]
    methods: tuple[ScorerRow, ...]
    purchases: tuple[PurchaseRow, ...]
    copies: tuple[CopiesRow, ...]
    attacks: dict[str, float]
    speed: tuple[SpeedRow, ...]
    scale: tuple[ScaleRow, ...]
    cases: dict[str, CaseRow]
    cases_beside: dict[str, dict[str, CaseRow]]
    baselines: tuple[str, ...]
    missing: dict[str, tuple[int, ...]]

    def truths(self, data: str, setting: str) -> list[TruthRow]:
        """True gains of a data set in a setting, by seed."""
        return [row for row in self.truth if row.data == data and row.setting == setting]

    def scorers(self, data: str, setting: str) -> dict[str, list[ScorerRow]]:
        """Rows of a data set in a setting by scorer, in the order of the report."""
        found: dict[str, list[ScorerRow]] = {}
        for row in self.methods:
            if row.data == data and row.setting == setting:
                found.setdefault(row.name, []).append(row)
        return found

    def buyers(self) -> dict[str, list[PurchaseRow]]:
        """Purchases by scorer."""
        found: dict[str, list[PurchaseRow]] = {}
        for row in self.purchases:
            found.setdefault(row.name, []).append(row)
        return found


def read_report(units: Iterable[Unit], cache: ResultCache, seeds: Sequence[int], *, quick: bool) -> Report:
    """The report of the stored results of a plan."""
    planned = list(units)
    results = ResultSet.read(planned, cache)
    return build_report(results, seeds, quick=quick, missing=[unit for unit in planned if unit not in results])


def build_report(results: ResultSet, seeds: Sequence[int], *, quick: bool, missing: Iterable[Unit] = ()) -> Report:
    """The report of some results; ``missing`` are the units of the plan without one."""
    scorers, truths, cases = scorer_rows(results), truth_rows(results), case_rows(results)
    summary = summarise(results, scorers, truths, cases)
    return Report(
        seeds=tuple(seeds),
        quick=quick,
        default=methods.DEFAULT,
        label_only=LABEL_ONLY,
        summary=summary,
        goals={
            name: GoalRow(sign=goal.sign, goal=goal.bound, met=goal.is_met(summary[name]))
            for name, goal in GOALS.items()
        },
        truth=tuple(truths),
        methods=tuple(scorers),
        purchases=tuple(
            PurchaseRow(seed=unit.seed, name=unit.name, **dict(row))
            for unit, row in results.select(Part.PURCHASE, PurchaseResult)
        ),
        copies=tuple(
            CopiesRow(data=unit.data, setting=unit.setting, seed=unit.seed, **dict(row))
            for unit, row in results.select(Part.COPIES, CopiesResult)
        ),
        attacks=overpayment(results),
        scale=tuple(ScaleRow(seed=unit.seed, **dict(row)) for unit, row in results.select(Part.SCALE, ScaleResult)),
        speed=tuple(SpeedRow(seed=unit.seed, **dict(row)) for unit, row in results.select(Part.SPEED, SpeedResult)),
        cases=cases,
        cases_beside={name: rows for name in BESIDE if (rows := case_rows(results, name))},
        baselines=tuple(sorted(BASELINES)),
        missing=_seeds_by_part(missing),
    )


def _seeds_by_part(units: Iterable[Unit]) -> dict[str, tuple[int, ...]]:
    found: dict[str, set[int]] = {}
    for unit in units:
        found.setdefault(f"{unit.part} {unit.data}", set()).add(unit.seed)
    return {name: tuple(sorted(seeds)) for name, seeds in found.items()}
