"""The result of pricing an offer: values, verdicts, price, and the reasons that the seller reads."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from assay.protocol.function.canonical import canonical_json
from assay_pricing.records.records import Float64, Records

_BY_RECORD = ("points", "verdicts")


class Verdict(StrEnum):
    """The result for one record."""

    USEFUL = "useful"
    HARMFUL = "harmful"
    REPEATED = "repeated"
    OWNED = "owned"
    PRICED = "priced"
    EXCLUDED = "excluded"

    @property
    def meaning(self) -> str:
        """The verdict as the predicate of a sentence about a record, for the model owner."""
        return _TABLE[self][0]

    @property
    def reason(self) -> str | None:
        """The verdict as the predicate of a sentence about several records, for the seller; None needs no reason.

        Exact duplicates share one reason: a seller does not learn which records the owner has.
        """
        return _TABLE[self][1]

    @property
    def is_duplicate(self) -> bool:
        """The record is an exact duplicate, which is not priced."""
        return self in (Verdict.REPEATED, Verdict.OWNED, Verdict.PRICED)


_DUPLICATE = (
    "are exact duplicates (within the offer, of the owner's data, or of data priced before) and were not priced"
)
_TABLE: dict[Verdict, tuple[str, str | None]] = {
    Verdict.REPEATED: ("repeats an earlier record of the offer; it is not priced", _DUPLICATE),
    Verdict.OWNED: ("is among the model owner's records; it is not priced", _DUPLICATE),
    Verdict.PRICED: ("was priced for this model before; it is not priced", _DUPLICATE),
    Verdict.HARMFUL: (
        "is not reliably predicted to lower the risk by itself; it stays in the set",
        "are not reliably predicted to lower the risk by themselves",
    ),
    Verdict.USEFUL: ("is predicted to lower the risk by itself", None),
    Verdict.EXCLUDED: (
        "would raise the risk of the set; the set is priced without it",
        "would raise the risk of the set, which was priced without them",
    ),
}


@dataclass(frozen=True, eq=False)
class Appraisal:
    """The price of an offer of n records, with everything it rests on.

    Attributes:
        record_values: Predicted drop of the risk by each record on its own (n,); 0 for exact duplicates.
        verdicts: By record (n,).
        set_value: Predicted drop of the risk by all records that were priced, together.
        predicted_gain: The part of ``set_value`` that is paid, see ``valuation.Valuation``.
        interval: 90 % bootstrap interval of the paid gain over the validation records.
        price: In base units of the model's token.
        fidelity: Agreement of the surrogate with the model, 0..1.
        records: n.
        priced: Records without exact duplicates.
        distinct: Records of the subset that the price is for; near duplicates of each other count as one.
        metric: Name of the risk.
        data_hash: SHA-256 over the sorted distinct record hashes of the whole offer, 32 bytes.
        function_hash: Hash of the price function, 32 bytes.
        reasons: Sentences for the model's owner.
        seller_reasons: Sentences for the seller, see ``reasons_for_seller``.
    """

    record_values: Float64
    verdicts: tuple[Verdict, ...]
    set_value: float
    predicted_gain: float
    interval: tuple[float, float]
    price: int
    fidelity: float
    records: int
    priced: int
    distinct: int
    metric: str
    data_hash: bytes
    function_hash: bytes
    reasons: tuple[str, ...]
    seller_reasons: tuple[str, ...] = ()

    @property
    def left_out(self) -> str:
        """Rows of the offer without which it is priced, from 0, such as ``3, 7-9``; empty if there are none."""
        rows = [row for row, verdict in enumerate(self.verdicts) if verdict is Verdict.EXCLUDED]
        runs: list[list[int]] = []
        for row in rows:
            if runs and row == runs[-1][-1] + 1:
                runs[-1][1:] = [row]
            else:
                runs.append([row])
        return ", ".join("-".join(map(str, run)) for run in runs)

    def to_dict(self) -> dict[str, Any]:
        """All fields as plain values; the price as a decimal string, as money is in all JSON of the protocol."""
        return {
            "points": [float(value) for value in self.record_values],
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
        """``to_dict`` as canonical JSON, floats rounded to millionths, by distinct record.

        Copies within the offer are left out of ``points`` and ``verdicts``: a million of them leave nothing behind.
        """
        kept = [row for row, verdict in enumerate(self.verdicts) if verdict is not Verdict.REPEATED]
        whole = self.to_dict()
        return canonical_json(whole | {name: [whole[name][row] for row in kept] for name in _BY_RECORD}, decimals=6)

    def digest(self) -> bytes:
        """SHA-256 of ``canonical_json``: the ``evaluation`` of a quote, 32 bytes."""
        return hashlib.sha256(self.canonical_json()).digest()


def reasons_for(
    records: Records, verdicts: Sequence[Verdict], metric: str, gain: float, price: int, context_records: int
) -> Iterator[str]:
    """Why an offer has its price, in sentences for the model's owner, who may pass them on.

    They state no figure of the gain, which would say more than the price on its grid. Counts of duplicates tell whether
    the owner, or another seller, has a record: ``reasons_for_seller`` leaves them out.

    Args:
        records: The offer (n).
        verdicts: By record (n,).
        metric: Name of the risk.
        gain: Gain that is paid.
        price: In base units.
        context_records: Number of records in the seller's other offers.
    """
    counts: dict[str, int] = {}
    for verdict in _TABLE:
        if verdict.reason and verdict in verdicts:
            counts[verdict.reason] = counts.get(verdict.reason, 0) + verdicts.count(verdict)
    yield from (f"{count} of {records.n} records {reason}." for reason, count in counts.items())
    yield from _unseen(records)
    if all(verdict.is_duplicate for verdict in verdicts):
        yield "All records are exact duplicates. Price: 0."
        return
    if context_records:
        yield _joint(context_records)
    if price:
        yield _improves(metric)
    elif gain > 0:
        yield "The predicted gain is too small for the owner's pricing rule. Price: 0."
    else:
        yield (
            "No gain is predicted beyond what is not paid: what chance, worthless data, or no new data at all may "
            "bring. Price: 0."
        )


NO_VALUE = (
    "The data has no value for this model: its records were priced before, are among the owner's, or are not predicted "
    "to improve the model by enough. Which of these holds is not said. Price: 0."
)


def reasons_for_seller(
    records: Records, verdicts: Sequence[Verdict], metric: str, price: int, context_records: int
) -> Iterator[str]:
    """Why an offer has its price, in sentences that say nothing of single records but what the seller knows.

    The count of duplicates in an offer of one record, or its difference between two offers, would tell whether the
    owner or another seller has that record; so would the count of records that do not help, or another sentence for a
    price of 0. Arguments as of ``reasons_for``.
    """
    copies = verdicts.count(Verdict.REPEATED)
    if copies:
        yield f"{copies} of {records.n} records repeat another record of the offer and were not priced."
    yield from _unseen(records)
    if context_records:
        yield _joint(context_records)
    yield _improves(metric) if price else NO_VALUE


def _unseen(records: Records) -> Iterator[str]:
    for column, values in records.unseen.items():
        yield f"Column {records.schema.features[column].name!r} has {len(values)} values that the model does not know."


def _joint(context_records: int) -> str:
    return (
        f"The offer is priced together with {context_records} records of the seller's other offers: it is paid for "
        "what it adds to them."
    )


def _improves(metric: str) -> str:
    return f"Together, the records are predicted to improve the model's {metric}."
