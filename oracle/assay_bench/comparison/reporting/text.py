"""The report as lines of text, for the terminal."""

from assay_bench.comparison.reporting.report import Report
from assay_bench.comparison.reporting.words import shown

_SHOWN = (
    ("data_leakage", "recovered"),
    ("data_leakage", "kept"),
    ("model_leakage", "fidelity"),
    ("practicality", "seconds"),
    ("fairness", "rank"),
    ("fairness", "to_useless"),
)


def report_text(report: Report) -> str:
    """A line for each approach and size, with six of its figures."""
    width = max((len(one.name) for one in report.approaches), default=0) + 2
    lines = [f"{'approach':{width}}{'size':8}" + "".join(f"{name:>18}" for _, name in _SHOWN)]
    for one in report.approaches:
        for size in one.sizes:
            figures = (shown(name, one.spreads(column, size)[name]).replace(r"\*", "*") for column, name in _SHOWN)
            lines.append(f"{one.name:{width}}{size:8}" + "".join(f"{text:>18}" for text in figures))
        lines += [f"{one.name:{width}}failed: {draw}: {why}" for draw, why in one.failed.items()]
    lines.append("* extrapolated")
    if report.missing:
        lines.append(f"missing: {len(report.missing)} results")
    return "\n".join(lines)
