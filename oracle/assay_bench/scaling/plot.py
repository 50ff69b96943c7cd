"""Time and memory over the number of records."""

from pathlib import Path

from assay_bench.scaling.run import ScalingReport


def draw(result: ScalingReport, path: Path) -> None:
    """Draws both on logarithmic axes, one line for each library, as a PNG file."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.5))
    axes = figure.subplots(1, 2)
    for axis, field, label in zip(axes, ("seconds", "peak_mb"), ("seconds", "peak of memory, MB"), strict=True):
        for name, points in (("appraise", result.points), *result.peers.items()):
            axis.loglog([p.n for p in points], [getattr(p, field) for p in points], marker="o", label=name)
        axis.set_xlabel("records")
        axis.set_ylabel(label)
    axes[0].legend()
    figure.savefig(path, dpi=110, bbox_inches="tight", metadata={"Software": None})
