"""The product's methods as an owner and an oracle use them: ``fit`` once for a model, then ``appraise`` offers."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from assay.protocol.schema import Feature, Schema
from assay_bench.figures import Floats
from assay_bench.pricing.data.dataset import Dataset
from assay_bench.pricing.data.parties import Parties
from assay_bench.pricing.scorers.gate import is_refused
from assay_bench.pricing.truth import nets
from assay_bench.pricing.truth.nets import Nets
from assay_pricing.fitting import fit
from assay_pricing.function import PriceFunction
from assay_pricing.records.records import Records
from assay_pricing.surrogate.network import deterministic


def schema_of(data: Dataset) -> Schema:
    """The schema of a numeric data set: columns ``x0`` to ``x{d-1}``, label ``y``."""
    return Schema(
        task="classification" if data.classes else "regression",
        features=tuple(Feature(name=f"x{j}") for j in range(data.x.shape[1])),
        label="y",
        classes=tuple(str(i) for i in range(data.classes)),
    )


def to_records(data: Dataset, schema: Schema) -> Records:
    """A data set as records of a schema."""
    return Records(schema, data.x.astype(np.float32), data.y.astype(np.float64))


@dataclass(frozen=True)
class Pricer:
    """A price function fitted to a true model.

    Attributes:
        function: The price function.
        schema: Schema of all records.
        seconds_fit: Time to fit, once for a model.
        refused: The surrogate's fidelity is under the floor. The oracle would refuse to price, so nothing is paid;
            points and set values are the bare method's.
    """

    function: PriceFunction
    schema: Schema
    seconds_fit: float
    refused: bool

    @classmethod
    def fit(
        cls,
        parties: Parties,
        model: Nets,
        method: str,
        *,
        settings: Mapping[str, Any] | None = None,
        labels_only: bool = False,
    ) -> "Pricer":
        """Fits a method to the true model's probabilities, or to its labels alone."""
        schema = schema_of(parties.base)
        start = time.perf_counter()
        function = fit(
            nets.module(model),
            to_records(parties.base, schema),
            validation=to_records(parties.validation, schema),
            method=method,
            settings=settings,
            decay=parties.recipe.decay,
            labels_only=labels_only,
        )
        seconds = time.perf_counter() - start
        return cls(function, schema, seconds, is_refused(function))

    def points(self, offer: Dataset) -> Floats:
        """Predicted gain of each record alone (n,), duplicates of the owner's records included."""
        with deterministic():
            return self.function.method.record_values(to_records(offer, self.schema))

    def paid_points(self, offer: Dataset) -> Floats:
        """Predicted gain of each record in an appraisal (n,): 0 for records that it excludes."""
        if self.refused:
            return self.points(offer)
        return self.function.appraise(to_records(offer, self.schema)).record_values

    def junk_score(self, offer: Dataset) -> Floats:
        """The method's score that separates useful records from junk, (n,)."""
        with deterministic():
            return self.function.method.junk_score(to_records(offer, self.schema))

    def set_value(self, offer: Dataset) -> float:
        """Predicted gain of all records together, in units of loss."""
        records = to_records(offer, self.schema)
        return self.function.method.set_value(records) if self.refused else self.function.appraise(records).set_value

    def paid(self, offer: Dataset, sold: Dataset | None = None) -> float:
        """The gain that is paid for, 0 if the oracle would refuse.

        Args:
            offer: The records offered.
            sold: Records that other sellers sold before.
        """
        if self.refused:
            return 0.0
        before = to_records(sold, self.schema) if sold else None
        known = frozenset(before.hashes()) if before else frozenset()
        return self.function.appraise(to_records(offer, self.schema), known=known, sold=before).predicted_gain
