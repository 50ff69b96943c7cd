"""The report of a run: every figure of every approach and size over the seeds, as ``out/compare.json`` has it."""

import os
from collections.abc import Sequence

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
    """One approach: its figures by column and by size."""

    name: str
    title: str
    source: str
    remark: str
    paper: Words | None
    sizes: list[str]
    received: dict[str, str]
    online: list[str]
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
        missing: Files of units without a result.
        approaches: Those with a result, in the order of the page.
    """

    seeds: list[int]
    records: dict[str, int]
    processors: int
    missing: list[str]
    approaches: list[ApproachReport]


def read_report(approaches: Sequence[Approach], sizes: Sequence[str], seeds: Sequence[int], store: Store) -> Report:
    """The report of every stored result."""
    found, missing = [], []
    for approach in approaches:
        rows: dict[str, dict[int, Row]] = {}
        for size in sizes:
            for seed in seeds:
                unit = Unit(approach.name, size, seed)
                row = store.row(unit)
                if row is None:
                    missing.append(unit.file)
                else:
                    rows.setdefault(size, {})[seed] = row
        if rows:
            found.append(_of_approach(approach, rows))
    return Report(
        seeds=list(seeds),
        records=SIZES,
        processors=len(os.sched_getaffinity(0)),
        missing=missing,
        approaches=found,
    )


def _of_approach(approach: Approach, rows: dict[str, dict[int, Row]]) -> ApproachReport:
    first = next(iter(next(iter(rows.values())).values()))
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
        received={"buyer": first.data_leakage.received, "seller": first.model_leakage.received},
        online=list(first.practicality.online),
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
