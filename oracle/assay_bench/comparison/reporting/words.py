"""How figures are named and printed."""

from dataclasses import dataclass

from assay_bench.comparison.reporting.report import Spread

OURS = "ours-"
"""How the names of the project's own rows begin."""
COLUMN_WORDS = {
    "data_leakage": "data leakage",
    "model_leakage": "model leakage",
    "practicality": "practicality",
    "fairness": "fairness",
}


@dataclass(frozen=True)
class Printed:
    """How one figure is printed.

    Attributes:
        word: Its name.
        better: 1 if more is better, -1 if less is, 0 if neither.
        in_tables: It is in the tables of the page, and not on the page of runs alone.
        decimals: None for large numbers, which are printed with a unit's prefix.
    """

    word: str
    better: int
    in_tables: bool = True
    decimals: int | None = 2

    def number(self, value: float | None) -> str:
        """One value; ``-`` for none."""
        if value is None:
            return "-"
        if self.decimals is not None:
            return f"{value:.{self.decimals}f}"
        return prefixed(value)


FIGURES = {
    "recovered": Printed("recovered", -1),
    "psnr": Printed("PSNR", 0, decimals=1),
    "membership": Printed("membership", -1),
    "kept": Printed("kept", -1),
    "third_party": Printed("third party", -1),
    "fidelity": Printed("fidelity", -1),
    "accuracy": Printed("accuracy of the copy", 0, in_tables=False),
    "alone": Printed("alone", 0),
    "weights": Printed("weights", -1),
    "queries": Printed("queries", 0, decimals=0),
    "setup_seconds": Printed("seconds to set up", 0, decimals=None),
    "seconds": Printed("seconds", -1, decimals=None),
    "trainings": Printed("trainings", -1, in_tables=False, decimals=None),
    "bytes_sent": Printed("bytes", -1, decimals=None),
    "memory_mb": Printed("MB of memory", 0, in_tables=False, decimals=0),
    "rounds": Printed("rounds", -1, decimals=0),
    "gas": Printed("gas", -1, decimals=0),
    "rank": Printed("rank", 1),
    "slope": Printed("slope", 0),
    "to_useless": Printed("to useless", -1),
    "cheating_buyer": Printed("cheating buyer", -1),
    "cheating_seller": Printed("cheating seller", -1),
}


def prefixed(value: float) -> str:
    """Two significant digits, with the prefix µ, m, k, M, G or T."""
    for factor, prefix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""), (1e-3, "m"), (1e-6, "µ")):
        if abs(value) >= factor:
            return f"{value / factor:.2g}{prefix}" if value / factor < 100 else f"{value / factor:.0f}{prefix}"
    return "0" if value == 0 else f"{value:.1e}"


def shown(name: str, spread: Spread) -> str:
    """Mean and standard error of a figure over seeds; ``not defined`` without a number, a star if extrapolated."""
    figure = FIGURES[name]
    if spread.mean is None:
        return "not defined"
    star = r"\*" if spread.formula else ""
    if not spread.error:
        return figure.number(spread.mean) + star
    return f"{figure.number(spread.mean)} ± {figure.number(spread.error)}{star}"
