"""What is measured of an approach: four columns, as the paper's tables have them, each of several figures."""

import math
from collections.abc import Iterator
from typing import Self

from pydantic import BaseModel, ConfigDict, model_validator


class Figure(BaseModel):
    """A finite number, or why there is none.

    Attributes:
        value: The number; None where the figure is not defined.
        why: Why it is not defined; empty where it is.
        formula: How it was extrapolated from what was measured; empty where it was measured.
    """

    model_config = ConfigDict(frozen=True)

    value: float | None = None
    why: str = ""
    formula: str = ""

    @model_validator(mode="after")
    def _has_a_number_or_a_reason(self) -> Self:
        if (self.value is None) != bool(self.why) or (self.value is not None and not math.isfinite(self.value)):
            raise ValueError(f"expected a finite number or why there is none, got {self.value} and {self.why!r}")
        return self


def measured(value: float) -> Figure:
    """A number that this run measured."""
    return Figure(value=float(value))


def extrapolated(value: float, formula: str) -> Figure:
    """A number by a formula from what this run measured."""
    return Figure(value=float(value), formula=formula)


def undefined(why: str) -> Figure:
    """No number, and why."""
    return Figure(why=why)


class Column(BaseModel):
    """Figures of one column; each field that is a ``Figure`` is one."""

    model_config = ConfigDict(frozen=True)

    def figures(self) -> Iterator[tuple[str, Figure]]:
        """The figures by name, in order."""
        for name in type(self).model_fields:
            found = getattr(self, name)
            if isinstance(found, Figure):
                yield name, found


class DataLeakage(Column):
    """What the buyer learns of the seller's data: before it has paid, and for good if the sale falls through.

    Attributes:
        received: What reaches the buyer before payment, in words.
        recovered: Share of the useful seller's records that the buyer recovers (within 20 dB, see ``psnr``).
        psnr: Mean over records of the peak signal-to-noise ratio of the best reconstruction in dB, at most 100. A guess
            without any answer has the trade's ``attacks.quality.guess``.
        membership: ROC AUC of the best membership inference: 0.5 tells nothing, 1 everything.
        kept: Share of the useful records that the buyer still holds, in whole, when the sale has fallen through.
        third_party: Share of the useful records that somebody else than buyer and seller sees.
    """

    received: str
    recovered: Figure
    psnr: Figure
    membership: Figure
    kept: Figure
    third_party: Figure


class ModelLeakage(Column):
    """What a seller learns of the buyer's model.

    Attributes:
        received: What reaches the seller before payment, in words.
        fidelity: Share of test records on which the seller's best copy gives the model's labels.
        accuracy: Share of test records that the copy has right.
        alone: Fidelity of the copy that the seller trains from its own and public records without any answer.
        weights: Share of the model's weights disclosed to the seller.
        membership: ROC AUC of inferring from the answers which records the owner has.
        queries: Answers that the copy took.
        third_party: Fidelity of the best copy that somebody else than buyer and seller holds; 0 if nobody does.
    """

    received: str
    fidelity: Figure
    accuracy: Figure
    alone: Figure
    weights: Figure
    membership: Figure
    queries: Figure
    third_party: Figure


class Practicality(Column):
    """What one trade with one seller costs, from the offer to the delivery.

    Attributes:
        setup_seconds: Processor time of what is done once for a model, before any offer.
        seconds: Processor time of all parties in the trade.
        trainings: The same in trainings of the model, timed in the same process.
        bytes_sent: Between the parties.
        memory_mb: Peak above what the process had before.
        rounds: Messages, one after the other.
        gas: Of all transactions.
        online: Who has to answer while the trade runs.
    """

    setup_seconds: Figure
    seconds: Figure
    trainings: Figure
    bytes_sent: Figure
    memory_mb: Figure
    rounds: Figure
    gas: Figure
    online: tuple[str, ...]


class Fairness(Column):
    """How what is paid follows what the data are worth, over the sellers of the trade.

    Attributes:
        rank: Spearman's rank correlation of price and true gain on the test records.
        slope: Least squares of the price on the true gain; 1 is calibrated.
        to_useless: Share of all payments that goes to data that are worth nothing.
        cheating_buyer: What a buyer that never pays keeps, in the true gain of the useful data.
        cheating_seller: What the best cheat of a seller earns, in the price of the useful data.
    """

    rank: Figure
    slope: Figure
    to_useless: Figure
    cheating_buyer: Figure
    cheating_seller: Figure


class Row(BaseModel):
    """All columns of one approach on one draw of the trade."""

    model_config = ConfigDict(frozen=True)

    data_leakage: DataLeakage
    model_leakage: ModelLeakage
    practicality: Practicality
    fairness: Fairness

    def columns(self) -> Iterator[tuple[str, Column]]:
        """The columns by name, in order."""
        for name in type(self).model_fields:
            yield name, getattr(self, name)
