"""Plots of a run, each with standard errors over seeds."""

from pathlib import Path
from typing import Any

from assay_bench.pricing.data.parties import SETTINGS
from assay_bench.pricing.reporting.summary import REFERENCE, spread

Told = dict[str, Any]


def draw(told: Told, folder: Path) -> list[str]:
    """Draws what a run has figures for; returns the files' names."""
    import matplotlib as mpl

    mpl.use("Agg")
    folder.mkdir(parents=True, exist_ok=True)
    drawn = []
    for name, plot in (("methods.png", _methods), ("cases.png", _cases), ("purchases.png", _purchases)):
        figure = plot(told)
        if figure is not None:
            figure.savefig(folder / name, dpi=110, bbox_inches="tight", metadata={"Software": None})
            drawn.append(name)
    return drawn


def _methods(told: Told) -> Any:
    """Rank agreement of set values with retraining, by scorer and setting."""
    from matplotlib.figure import Figure

    rows = [row for row in told["methods"] if row["data"] == REFERENCE and row["batch_rho_v"] is not None]
    if not rows:
        return None
    names = list(dict.fromkeys(row["name"] for row in rows))
    figure = Figure(figsize=(8, 0.35 * len(names) + 1.5))
    axes = figure.subplots(1, len(SETTINGS), sharey=True)
    for axis, setting in zip(axes, SETTINGS, strict=True):
        found = [spread(r["batch_rho_v"] for r in rows if r["name"] == n and r["setting"] == setting) for n in names]
        axis.barh(names, [mean for _, mean, _ in found], xerr=[error for _, _, error in found], color="#4477aa")
        axis.set_title(f"{REFERENCE}, {setting}")
        axis.set_xlabel("rank agreement with retraining, sets of 20")
        axis.axvline(0, color="black", linewidth=0.8)
    return figure


def _cases(told: Told) -> Any:
    """Price over true gain of every seller, one panel per real case."""
    from matplotlib.figure import Figure

    if not told["cases"]:
        return None
    figure = Figure(figsize=(4 * len(told["cases"]), 3.6))
    axes = figure.subplots(1, len(told["cases"]), squeeze=False)[0]
    for axis, (letter, case) in zip(axes, told["cases"].items(), strict=True):
        for seller in case["sellers"]:
            _, gain, gain_error = spread(one["sellers"][seller]["gain"] for one in case["seeds"])
            _, price, price_error = spread(one["sellers"][seller]["price"] / 1e18 for one in case["seeds"])
            axis.errorbar(gain, price, xerr=gain_error, yerr=price_error, fmt="o", markersize=4)
            axis.annotate(
                seller.replace("_", " "), (gain, price), fontsize=7, xytext=(3, 3), textcoords="offset points"
            )
        axis.axvline(0, color="grey", linewidth=0.8)
        axis.set_title(f"{letter}. {case['name']}")
        axis.set_xlabel("true gain")
        axis.set_ylabel("price")
    figure.tight_layout()
    return figure


def _purchases(told: Told) -> Any:
    """Accuracy after buying, by scorer."""
    from matplotlib.figure import Figure

    if not told["purchases"]:
        return None
    figure = Figure(figsize=(6, 3.6))
    axis = figure.subplots()
    for name in dict.fromkeys(row["name"] for row in told["purchases"]):
        points = [
            spread(row[key] for row in told["purchases"] if row["name"] == name) for key in ("nothing", "100", "300")
        ]
        axis.errorbar((0, 100, 300), [p[1] for p in points], yerr=[p[2] for p in points], label=name, capsize=3)
    axis.set_xlabel("records bought")
    axis.set_ylabel("test accuracy, MNIST-5k")
    axis.legend(fontsize=8)
    return figure
