"""Plots of the report: fairness against what leaks, and growth of the processor time, with standard errors."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from assay_bench.comparison.reporting.report import ApproachReport, Report

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SIZE = "medium"


def draw(report: Report, folder: Path) -> list[str]:
    """Draws the plots as PNG files; returns their names."""
    import matplotlib as mpl

    mpl.use("Agg")
    folder.mkdir(parents=True, exist_ok=True)
    drawn = []
    for name, figure in (("tradeoff.png", _tradeoff(report)), ("growth.png", _growth(report))):
        if figure is not None:
            figure.savefig(folder / name, dpi=110, bbox_inches="tight", metadata={"Software": None})
            drawn.append(name)
    return drawn


def _tradeoff(report: Report) -> "Figure | None":
    """Rank agreement, records recovered before payment, and fidelity of the best copy, by approach."""
    from matplotlib.figure import Figure

    panels = (("fairness", "rank"), ("data_leakage", "recovered"), ("model_leakage", "fidelity"))
    rows = [one for one in report.approaches if _SIZE in one.sizes][::-1]
    if not rows:
        return None
    figure = Figure(figsize=(10, 0.3 * len(rows) + 1.5))
    axes = figure.subplots(1, len(panels), sharey=True)
    for axis, (column, name) in zip(axes, panels, strict=True):
        _bars(axis, rows, column, name)
        axis.set_xlabel(f"{column.replace('_', ' ')}: {name}")
    return figure


def _bars(axis: "object", rows: Sequence[ApproachReport], column: str, name: str) -> None:
    spreads = [one.spreads(column, _SIZE)[name] for one in rows]
    axis.barh(  # type: ignore[attr-defined]
        [one.title for one in rows],
        [spread.mean or 0.0 for spread in spreads],
        xerr=[spread.error or 0.0 for spread in spreads],
        color="#4477aa",
    )


def _growth(report: Report) -> "Figure | None":
    """Processor time of one trade by the number of records."""
    from matplotlib.figure import Figure

    rows = [one for one in report.approaches if len(one.sizes) > 1]
    if not rows:
        return None
    figure = Figure(figsize=(9, 5))
    axis = figure.subplots()
    for one in rows:
        spreads = [(report.records[size], one.spreads("practicality", size)["seconds"].mean) for size in one.sizes]
        known = [(n, seconds) for n, seconds in spreads if seconds]
        axis.plot(*zip(*known, strict=True), marker="o", label=one.title)
    axis.set(xscale="log", yscale="log", xlabel="records of a seller", ylabel="processor seconds")
    axis.legend(fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure
