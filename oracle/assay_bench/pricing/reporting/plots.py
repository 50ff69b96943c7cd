"""Plots of a report, with standard errors over seeds."""

from pathlib import Path
from typing import TYPE_CHECKING

from assay_bench.figures import estimate
from assay_bench.pricing.data.parties import SETTINGS
from assay_bench.pricing.reporting.goals import REFERENCE
from assay_bench.pricing.reporting.report import Report
from assay_bench.pricing.reporting.rows import CaseRow

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_PANELS = 3  # in a row
_SMALLEST = 1e-3  # half the range of a panel, if no seller is useful


def draw(report: Report, folder: Path) -> list[str]:
    """Draws the plots that the report has figures for, as PNG files; returns their names."""
    import matplotlib as mpl

    mpl.use("Agg")
    folder.mkdir(parents=True, exist_ok=True)
    drawn = []
    for name, plot in (("methods.png", _methods), ("cases.png", _cases), ("purchases.png", _purchases)):
        figure = plot(report)
        if figure is not None:
            figure.savefig(folder / name, dpi=110, bbox_inches="tight", metadata={"Software": None})
            drawn.append(name)
    return drawn


def _methods(report: Report) -> "Figure | None":
    """Rank correlation of set values with true gains, by scorer and setting."""
    from matplotlib.figure import Figure

    rows = [row for row in report.methods if row.data == REFERENCE and row.batch_rho_v is not None]
    if not rows:
        return None
    names = list(dict.fromkeys(row.name for row in rows))
    figure = Figure(figsize=(8, 0.35 * len(names) + 1.5))
    axes = figure.subplots(1, len(SETTINGS), sharey=True)
    for axis, setting in zip(axes, SETTINGS, strict=True):
        found = [
            estimate(row.batch_rho_v for row in rows if row.name == name and row.setting == setting) for name in names
        ]
        axis.barh(names, [one.mean for one in found], xerr=[one.error for one in found], color="#4477aa")
        axis.set_title(f"{REFERENCE}, {setting}")
        axis.set_xlabel("rank agreement with retraining, sets of 20")
        axis.axvline(0, color="black", linewidth=0.8)
    return figure


def _cases(report: Report) -> "Figure | None":
    """Set value and price against true gain of every seller, one panel for each real case, with the identity line."""
    from matplotlib.figure import Figure

    if not report.cases:
        return None
    columns = min(len(report.cases), _PANELS)
    rows = -(-len(report.cases) // columns)
    figure = Figure(figsize=(4 * columns, 3.6 * rows))
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis, (letter, case) in zip(panels, report.cases.items(), strict=False):
        _case(axis, case)
        axis.set_title(f"{letter}. {case.name}, {case.metric.replace('_', ' ')}")
    for axis in panels[len(report.cases) :]:
        axis.set_axis_off()
    figure.tight_layout()
    return figure


def _case(axis: "Axes", case: CaseRow) -> None:
    """One panel. Its range is that of the useful sellers: what is more harmful stands at its edge.

    Sellers without a gain and without a price have no name in it.
    """
    edge = max([seller.gain for seller in case.sellers.values()] + [_SMALLEST])
    axis.plot((-edge, edge), (-edge, edge), color="grey", linewidth=0.8)
    for seller in case.sellers:
        draws = [one.sellers[seller] for one in case.seeds]
        gain = estimate(max(one.gain, -edge) for one in draws)
        value = estimate(max(one.set_value, -edge) for one in draws)
        price = estimate(one.price_in_gain for one in draws)
        axis.errorbar(gain.mean, value.mean, xerr=gain.error, yerr=value.error, fmt="o", color="#bbbbbb", markersize=4)
        axis.errorbar(gain.mean, price.mean, xerr=gain.error, yerr=price.error, fmt="o", color="#4477aa", markersize=4)
        if gain.mean > 0 or price.mean > 0:
            place = (gain.mean, price.mean)
            axis.annotate(seller.replace("_", " "), place, fontsize=6, xytext=(3, 3), textcoords="offset points")
    axis.locator_params(axis="x", nbins=5)
    axis.set_xlabel("true gain")
    axis.set_ylabel("price (blue), set value (grey)")


def _purchases(report: Report) -> "Figure | None":
    """Accuracy after buying, by scorer."""
    from matplotlib.figure import Figure

    if not report.purchases:
        return None
    figure = Figure(figsize=(6, 3.6))
    axis = figure.subplots()
    for name, rows in report.buyers().items():
        accuracy = [
            estimate(row.nothing for row in rows),
            estimate(row.accuracy_100 for row in rows),
            estimate(row.accuracy_300 for row in rows),
        ]
        axis.errorbar(
            (0, 100, 300), [one.mean for one in accuracy], yerr=[one.error for one in accuracy], label=name, capsize=3
        )
    axis.set_xlabel("records bought")
    axis.set_ylabel("test accuracy, MNIST-5k")
    axis.legend(fontsize=8)
    return figure
