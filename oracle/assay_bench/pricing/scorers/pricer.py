"""The oracle's public path, as an owner and an oracle use it: ``fit`` once, then ``appraise``."""

import time
from dataclasses import dataclass

import numpy as np

from assay.protocol.schema import Feature, Schema
from assay_bench.pricing.data.dataset import Dataset, Floats
from assay_bench.pricing.data.parties import Parties
from assay_bench.pricing.truth import nets
from assay_bench.pricing.truth.nets import Nets
from assay_pricing.errors import FidelityError
from assay_pricing.function import PriceFunction, fit
from assay_pricing.records.records import Records
from assay_pricing.surrogate.network import deterministic


def schema(table: Dataset) -> Schema:
    """The schema of a table of numbers."""
    return Schema(
        task="classification" if table.classes else "regression",
        features=tuple(Feature(name=f"x{j}") for j in range(table.x.shape[1])),
        label="y",
        classes=tuple(str(i) for i in range(table.classes)),
    )


def records(table: Dataset, shape: Schema) -> Records:
    """A table as records."""
    return Records(shape, table.x.astype(np.float32), table.y.astype(np.float64))


@dataclass(frozen=True)
class Pricer:
    """A price function of a benchmark's true model, and how long the fit took.

    Attributes:
        function: As fitted.
        shape: Schema of all records.
        fit_seconds: Once per model.
        refused: The surrogate's fidelity is under the floor: the oracle would not price. The bare method is scored.
    """

    function: PriceFunction
    shape: Schema
    fit_seconds: float
    refused: bool

    @classmethod
    def of(cls, parties: Parties, model: Nets, method: str, *, labels_only: bool = False) -> "Pricer":
        """Fits a method to the true model, or to its labels alone."""
        shape = schema(parties.base)
        start = time.perf_counter()
        function = fit(
            nets.module(model),
            records(parties.base, shape),
            validation=records(parties.validation, shape),
            method=method,
            decay=parties.recipe.decay,
            labels_only=labels_only,
        )
        seconds = time.perf_counter() - start
        try:
            function.check_fidelity()
        except FidelityError:
            return cls(function, shape, seconds, refused=True)
        return cls(function, shape, seconds, refused=False)

    def points(self, table: Dataset) -> Floats:
        """What each record is worth by itself (n,), copies of the owner's own included."""
        with deterministic():
            return self.function.method.record_values(records(table, self.shape))

    def paid_points(self, table: Dataset) -> Floats:
        """The same as the oracle tells it (n,): nothing for records that it takes out."""
        return self.points(table) if self.refused else self.function.appraise(records(table, self.shape)).points

    def gate(self, table: Dataset) -> Floats:
        """What tells useful records from junk, (n,)."""
        with deterministic():
            return self.function.method.junk_score(records(table, self.shape))

    def set_value(self, table: Dataset) -> float:
        """What the records are worth together, in units of loss."""
        offer = records(table, self.shape)
        return self.function.method.set_value(offer) if self.refused else self.function.appraise(offer).set_value

    def paid(self, table: Dataset, sold: Dataset | None = None) -> float:
        """The gain that is paid for, ``sold`` being what others sold before: nothing where the oracle refuses."""
        if self.refused:
            return 0.0
        before = records(sold, self.shape) if sold else None
        known = frozenset(before.hashes()) if before else frozenset()
        return self.function.appraise(records(table, self.shape), known=known, sold=before).predicted_gain
