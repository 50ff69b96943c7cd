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
        decimals: None for numbers of any size, which are printed to two digits.
        unit: Of a number of any size, printed with a prefix of the SI; none where it is empty.
    """

    word: str
    better: int
    in_tables: bool = True
    decimals: int | None = 2
    unit: str = ""

    def number(self, value: float | None, error: float = 0.0) -> str:
        """One value, with its standard error unless that is 0; ``-`` for none."""
        if value is None:
            return "-"
        if self.decimals is None:
            return quantity(value, self.unit, error)
        return _with_error([f"{part:,.{self.decimals}f}" for part in (value, error)], error)


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
    "setup_seconds": Printed("time to set up", 0, decimals=None, unit="s"),
    "seconds": Printed("time", -1, decimals=None, unit="s"),
    "trainings": Printed("trainings", -1, in_tables=False, decimals=None),
    "bytes_sent": Printed("sent", -1, decimals=None, unit="B"),
    "memory_mb": Printed("MB of memory", 0, in_tables=False, decimals=0),
    "rounds": Printed("rounds", -1, decimals=0),
    "gas": Printed("gas", -1, decimals=0),
    "rank": Printed("rank", 1),
    "slope": Printed("slope", 0),
    "to_useless": Printed("to useless", -1),
    "cheating_buyer": Printed("cheating buyer", -1),
    "cheating_seller": Printed("cheating seller", -1),
}


_PREFIXES = {
    "s": ((1.0, ""), (1e-3, "m"), (1e-6, "µ")),
    "B": ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")),
}
"""Factors by unit; a minute is 60 s, never 0.06 ks."""


def quantity(value: float, unit: str, error: float = 0.0) -> str:
    """A value and its standard error to two digits, with one prefix for both: ``434 ± 6.6 ms``."""
    factor, prefix = next(((f, p) for f, p in _PREFIXES.get(unit, ()) if abs(value) >= f), (1.0, ""))
    return f"{_with_error([_digits(part / factor) for part in (value, error)], error)} {prefix}{unit}".rstrip()


def _with_error(parts: list[str], error: float) -> str:
    return " ± ".join(parts if error else parts[:1])


def _digits(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 99.5 else f"{float(f'{value:.2g}'):.12g}"


def shown(name: str, spread: Spread) -> str:
    """Mean and standard error of a figure over seeds; ``not defined`` without a number, a star if extrapolated."""
    if spread.mean is None:
        return "not defined"
    return FIGURES[name].number(spread.mean, spread.error or 0.0) + (r"\*" if spread.formula else "")
