"""The summary as lines of text, for the terminal."""

from assay_bench.pricing.reporting.markdown import number
from assay_bench.pricing.reporting.report import Report

_MARKS = {True: "ok", False: "short", None: "-"}


def summary_text(report: Report) -> str:
    """One line for each figure with its goal, and one for each real case."""
    lines = []
    for name, value in report.summary.items():
        goal = report.goals[name]
        bound = " " * 10 if goal.goal is None else f"{goal.sign} {goal.goal:<7.3g}"
        lines.append(f"{name:<26} {number(value):>8}   {bound} {_MARKS[goal.met]}")
    for letter, case in report.cases.items():
        orderings = f"{sum(case.orderings.values())}/{len(case.orderings)} orderings"
        slope = f"slope {number(case.figures.price_slope)}"
        lines.append(f"case {letter} {case.name:<19} {number(case.figures.rho):>8}   {slope}   {orderings}")
    lines += [f"not run: {name}, seeds {', '.join(map(str, seeds))}" for name, seeds in report.missing.items()]
    return "\n".join(lines)
