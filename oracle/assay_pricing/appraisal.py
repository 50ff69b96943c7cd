"""What a price function says of an offer."""

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from assay_pricing.canonical import canonical_json
from assay_pricing.records.records import Float64


class Verdict(StrEnum):
    """What became of one record."""

    USEFUL = "useful"
    """Lowers the risk, as far as one record can be judged."""
    HARMFUL = "harmful"
    """Raises the risk: mislabelled, noise, or not what the owner needs. It stays in the set, whose price it lowers."""
    REPEATED = "repeated"
    """An earlier record of the offer is the same."""
    OWNED = "owned"
    """The model owner has it."""
    PRICED = "priced"
    """It was priced for this model before."""


@dataclass(frozen=True, eq=False)
class Appraisal:
    """The worth of an offer of n records.

    Attributes:
        points: Predicted drop of the risk by each record, had it come alone (n,); 0 for records taken out.
        verdicts: What became of each record (n,).
        set_value: Predicted drop of the risk by all records that were priced, together.
        predicted_gain: What is paid for: the part of ``set_value`` that no mere change of confidence brings,
            beyond what controls without worth reach.
        interval: 90 % bootstrap interval of ``predicted_gain`` over the validation records.
        price: Base units.
        fidelity: Agreement of the surrogate with the model, 0..1.
        records: n.
        priced: Records left after duplicates were taken out.
        metric: Name of the risk.
        data_hash: SHA-256 over the sorted distinct record hashes of the whole offer, 32 bytes.
        function_hash: Hash of the price function, 32 bytes.
        reasons: Why, in sentences.
    """

    points: Float64
    verdicts: tuple[Verdict, ...]
    set_value: float
    predicted_gain: float
    interval: tuple[float, float]
    price: int
    fidelity: float
    records: int
    priced: int
    metric: str
    data_hash: bytes
    function_hash: bytes
    reasons: tuple[str, ...]

    def explain(self, index: int) -> str:
        """One sentence about record ``index`` (0-based)."""
        if not 0 <= index < self.records:
            raise IndexError(f"expected a record from 0 to {self.records - 1}, got {index}")
        verdict, worth = self.verdicts[index], self.points[index]
        if verdict is Verdict.REPEATED:
            return f"record {index} repeats an earlier record of the offer: taken out"
        if verdict is Verdict.OWNED:
            return f"record {index} is among the model owner's own: taken out"
        if verdict is Verdict.PRICED:
            return f"record {index} was priced for this model before: taken out"
        if verdict is Verdict.HARMFUL:
            return f"record {index} would raise the {self.metric} risk (alone: {worth:+.6f})"
        return f"record {index} would lower the {self.metric} risk (alone: {worth:+.6f})"

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values; the price as a decimal string, as money is in all our JSON."""
        return {
            "points": [float(point) for point in self.points],
            "verdicts": [str(verdict) for verdict in self.verdicts],
            "set_value": self.set_value,
            "predicted_gain": self.predicted_gain,
            "interval": list(self.interval),
            "price": str(self.price),
            "fidelity": self.fidelity,
            "records": self.records,
            "priced": self.priced,
            "metric": self.metric,
            "data_hash": self.data_hash,
            "function_hash": self.function_hash,
            "reasons": list(self.reasons),
        }

    def canonical_json(self) -> bytes:
        """``to_dict`` in its one spelling, floats rounded to millionths."""
        return canonical_json(self.to_dict(), decimals=6)

    def digest(self) -> bytes:
        """SHA-256 of ``canonical_json``: the ``evaluation`` of a quote, 32 bytes."""
        return hashlib.sha256(self.canonical_json()).digest()
