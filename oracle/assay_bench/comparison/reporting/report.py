"""The report of a run: every figure of every approach and size over the seeds, as ``out/compare.json`` has it."""

import os
from collections.abc import Mapping, Sequence

from pydantic import BaseModel, ConfigDict

from assay_bench.comparison.approach import Approach, Words
from assay_bench.comparison.figures import Column, Figure, Row
from assay_bench.comparison.store import Store, Unit
from assay_bench.comparison.trade import SIZES
from assay_bench.figures import estimate

COLUMNS = tuple(Row.model_fields)


class Spread(BaseModel):
    """A figure over seeds.

    Attributes:
        mean: None where no seed has a number.
        error: Standard error of the mean; 0 for one seed, None without any.
        values: By seed, where it is defined.
        why: Why it is not defined, where a seed has no number.
        formula: How it was extrapolated; empty where it was measured.
    """

    model_config = ConfigDict(frozen=True)

    mean: float | None
    error: float | None
    values: dict[int, float]
    why: str = ""
    formula: str = ""


Spreads = dict[str, Spread]
"""By the figure's name."""


class ApproachReport(BaseModel):
    """One approach: its figures by column and by size.

    Attributes:
        failed: Why a draw has no figures, by its size and seed; sizes without a result are not in ``sizes``.
    """

    name: str
    title: str
    source: str
    remark: str
    paper: Words | None
    sizes: list[str]
    received: dict[str, str]
    online: list[str]
    failed: dict[str, str] = {}
    data_leakage: dict[str, Spreads]
    model_leakage: dict[str, Spreads]
    practicality: dict[str, Spreads]
    fairness: dict[str, Spreads]

    def spreads(self, column: str, size: str) -> Spreads:
        """The figures of one column at one size; empty where nothing was run."""
        found: dict[str, Spreads] = getattr(self, column)
        return found.get(size, {})


class Report(BaseModel):
    """Everything in ``out/compare.json``.

    Attributes:
        seeds: Of the draws.
        records: Records of a seller by size.
        processors: That the run may use.
        processor_minutes: Of all units with a result.
        missing: Files of units without a result, and without a failure.
        approaches: Those with a result or a failure, in the order of the page.
    """

    seeds: list[int]
    records: dict[str, int]
    processors: int
    processor_minutes: float
    missing: list[str]
    approaches: list[ApproachReport]


def read_report(
    approaches: Sequence[Approach],
    sizes: Sequence[str],
    seeds: Sequence[int],
    store: Store,
    failures: Mapping[Unit, str] | None = None,
) -> Report:
    """The report of every stored result.

    Args:
        approaches: Its rows.
        sizes: Of the trade.
        seeds: Of the draws.
        store: The results.
        failures: Units that failed, and why.
    """
    found, missing, units = [], [], []
    for approach in approaches:
        rows: dict[str, dict[int, Row]] = {}
        failed = {}
        for size in sizes:
            for seed in seeds:
                unit = Unit(approach.name, size, seed)
                row = store.row(unit)
                if row is not None:
                    rows.setdefault(size, {})[seed] = row
                    units.append(unit)
                elif failures and unit in failures:
                    failed[f"{size} {seed}"] = failures[unit]
                else:
                    missing.append(unit.file)
        if rows or failed:
            found.append(_of_approach(approach, rows, failed))
    draws = {Unit("", unit.size, unit.seed) for unit in units}
    return Report(
        seeds=list(seeds),
        records=SIZES,
        processors=len(os.sched_getaffinity(0)),
        processor_minutes=round(sum(store.seconds(unit) for unit in (*units, *draws)) / 60, 1),
        missing=missing,
        approaches=found,
    )


def _of_approach(approach: Approach, rows: dict[str, dict[int, Row]], failed: dict[str, str]) -> ApproachReport:
    first = next((row for of in rows.values() for row in of.values()), None)
    columns = {
        column: {size: _spreads({seed: getattr(row, column) for seed, row in of.items()}) for size, of in rows.items()}
        for column in COLUMNS
    }
    return ApproachReport(
        name=approach.name,
        title=approach.title,
        source=approach.source,
        remark=approach.remark,
        paper=approach.paper,
        sizes=list(rows),
        received={"buyer": first.data_leakage.received, "seller": first.model_leakage.received} if first else {},
        online=list(first.practicality.online) if first else [],
        failed=failed,
        **columns,
    )


def _spreads(columns: dict[int, Column]) -> Spreads:
    by_seed = {seed: dict(column.figures()) for seed, column in columns.items()}
    names = next(iter(by_seed.values()))
    return {name: _spread({seed: figures[name] for seed, figures in by_seed.items()}) for name in names}


def _spread(figures: dict[int, Figure]) -> Spread:
    values = {seed: figure.value for seed, figure in figures.items() if figure.value is not None}
    found = estimate(values.values())
    return Spread(
        mean=found.mean if values else None,
        error=found.error if values else None,
        values=values,
        why=next((figure.why for figure in figures.values() if figure.why), ""),
        formula=next((figure.formula for figure in figures.values() if figure.formula), ""),
    )
