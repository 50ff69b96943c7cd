"""Units of work: what one process computes at a time, and what one file stores."""

from dataclasses import dataclass
from enum import StrEnum

BESIDE = ("ridge",)
"""Methods that the summary's tables and the real cases have beside the default one."""


class Part(StrEnum):
    """What is computed."""

    TRUTH = "truth"
    """True gains by retraining."""
    BASELINE = "baseline"
    """Scores of a baseline."""
    LIBRARY = "rival"
    """Scores of another library."""
    METHOD = "method"
    """Scores of one of the product's methods."""
    LABELS = "labels"
    """The same, fitted to the model's labels alone."""
    COPIES = "copies"
    """Value of twenty copies of a record."""
    ATTACKS = "attacks"
    """Payments to attackers."""
    PURCHASE = "purchase"
    """Accuracy after buying the best-scored records."""
    SPEED = "speed"
    """Seconds to price, against seconds to train."""
    SCALE = "scale"
    """Seconds to fit a large table, and of the command that appraises."""
    CASE = "case"
    """Prices and true gains of a real case."""


@dataclass(frozen=True, order=True)
class Unit:
    """One piece of work.

    Attributes:
        part: What is computed.
        data: Data set, or case.
        setting: ``shift``, ``iid``, or ``-`` for a case and for the large table.
        seed: Seed of everything random.
        name: Baseline, library or method; empty elsewhere.
    """

    part: Part
    data: str
    setting: str
    seed: int
    name: str = ""

    @property
    def file(self) -> str:
        """Name of the file that stores its result."""
        return f"{self.part}.{self.data}.{self.setting}.{self.seed}{'.' + self.name if self.name else ''}.json"

    @property
    def exclusive(self) -> bool:
        """Its seconds are held to a goal, so no other unit may run at the same time."""
        return self.part in (Part.SPEED, Part.SCALE)
