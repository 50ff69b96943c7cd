"""Integer scorers: quantised inputs, integer weights, and an exact evaluator. See ``docs/price-format.md``.

After an input is compared with its edges, nothing is rounded. The same score can be computed on encrypted records or
proved in a circuit, equal to the bit.
"""

from bisect import bisect_right
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from assay.protocol.types import Value
from assay_pricing.errors import DataError
from assay_pricing.records.records import Int64, Records

MAX_BITS = 8
MAX_DEPTH = 8
_MAX_TREES = 64
_MAX_FEATURES = 2**16
Weight = Annotated[int, Field(ge=-(2**31), lt=2**31)]


class Input(Value):
    """Quantisation of one input.

    A number becomes the count of ``edges`` that are at most the number. A category becomes its index in ``values``, or
    the length of ``values`` if it is not among them.
    """

    name: str
    edges: tuple[float, ...] = ()
    values: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _check(self) -> "Input":
        if self.edges and self.values:
            raise ValueError("expected edges or values, got both")
        if any(float(np.float32(edge)) != edge for edge in self.edges):
            raise ValueError("expected edges that are single-precision numbers")
        if list(self.edges) != sorted(set(self.edges)):
            raise ValueError("expected increasing edges")
        if max(len(self.edges), len(self.values)) >= 2**MAX_BITS:
            raise ValueError(f"expected inputs of at most {MAX_BITS} bits")
        return self


class IntegerLinear(Value):
    """``bias`` plus the sum of weights times inputs; a category has one weight per value and one for other values."""

    kind: Literal["linear"] = "linear"
    bias: Weight
    weights: tuple[tuple[Weight, ...], ...]
    """By column: one weight of a number, or one per code of a category."""


class IntegerTree(Value):
    """Nodes in arrays: a record goes from an inner node to ``left`` if its input is at most ``threshold``, else right.

    A leaf is its own left and right child. Other children have higher indices than their parents.
    """

    column: tuple[int, ...]
    threshold: tuple[int, ...]
    left: tuple[int, ...]
    right: tuple[int, ...]
    value: tuple[Weight, ...]

    @model_validator(mode="after")
    def _check(self) -> "IntegerTree":
        nodes = len(self.column)
        if not nodes or any(len(part) != nodes for part in (self.threshold, self.left, self.right, self.value)):
            raise ValueError("expected as many thresholds, children and values as columns, and at least one node")
        for i, (left, right) in enumerate(zip(self.left, self.right, strict=True)):
            if not (left == right == i or (i < left < nodes and i < right < nodes)):
                raise ValueError(f"expected children after node {i}, got {left} and {right}")
        return self


class IntegerForest(Value):
    """The sum of its trees; a single tree is a forest of one."""

    kind: Literal["tree", "forest"]
    trees: tuple[IntegerTree, ...] = Field(min_length=1, max_length=_MAX_TREES)


class Scorer(Value):
    """A scorer of labelled records.

    Attributes:
        columns: Inputs: the schema's features in order, and for a regression the label last.
        classes: Labels, each with a part of its own; empty for a regression, which has one part.
        parts: Scores of the records of each class.
        levels: Scores at which the predicted drop of the risk steps up, increasing.
        drops: The drop in millionths of the risk's unit: below the first level, and from each level on; nondecreasing.
        function_hash: Hash of the price function that was distilled.
        method: Its method.
        rank_agreement: Spearman's rank correlation with the function's values of held-out records, in millionths.
    """

    format: Literal["assay/integer-scorer"] = "assay/integer-scorer"
    version: Literal[1] = 1
    columns: tuple[Input, ...] = Field(min_length=1, max_length=_MAX_FEATURES)
    classes: tuple[str, ...] = ()
    parts: tuple[IntegerLinear | IntegerForest, ...]
    levels: tuple[int, ...] = Field(max_length=255)
    drops: tuple[Annotated[int, Field(ge=-(2**62), lt=2**62)], ...]
    function_hash: str
    method: str
    rank_agreement: int = Field(ge=-(10**6), le=10**6)

    @model_validator(mode="after")
    def _check(self) -> "Scorer":
        if len(self.parts) != max(len(self.classes), 1):
            raise ValueError(f"expected {max(len(self.classes), 1)} parts, got {len(self.parts)}")
        if list(self.levels) != sorted(set(self.levels)) or list(self.drops) != sorted(self.drops):
            raise ValueError("expected increasing levels and nondecreasing drops")
        if len(self.drops) != len(self.levels) + 1:
            raise ValueError(f"expected {len(self.levels) + 1} drops, got {len(self.drops)}")
        for part in self.parts:
            if isinstance(part, IntegerLinear):
                wanted = [len(column.values) + 1 if column.values else 1 for column in self.columns]
                if [len(weights) for weights in part.weights] != wanted:
                    raise ValueError("expected one weight for a number, and one for each code of a category")
            elif any(not 0 <= j < len(self.columns) for tree in part.trees for j in tree.column):
                raise ValueError("expected nodes that refer to one of the columns")
        return self

    @property
    def kind(self) -> str:
        """``linear``, ``tree`` or ``forest``."""
        return self.parts[0].kind

    def quantise(self, records: Records) -> Int64:
        """Inputs as whole numbers, (n, columns).

        Raises:
            DataError: The records are of another schema.
        """
        schema = records.schema
        names = [feature.name for feature in schema.features] + ([] if schema.classes else [schema.label])
        if names != [column.name for column in self.columns] or schema.classes != self.classes:
            raise DataError("expected records of the scorer's columns and classes, got others")
        inputs = [*records.x.T] if schema.classes else [*records.x.T, records.y]
        codes = np.zeros((records.n, len(self.columns)), dtype=np.int64)
        for j, (column, values) in enumerate(zip(self.columns, inputs, strict=True)):
            if column.edges:
                edges = np.array(column.edges, dtype=np.float32)
                known = np.searchsorted(edges, values.astype(np.float32), side="right")
                codes[:, j] = np.where(np.isnan(values), 0, known)
            elif column.values:
                codes[:, j] = np.minimum(values.astype(np.int64), len(column.values))
        return codes

    def scores(self, records: Records) -> Int64:
        """Score of each record, (n,): exact, as no sum can leave 63 bits.

        Raises:
            DataError: The records are of another schema.
        """
        inputs = self.quantise(records)
        chosen = records.y.astype(np.int64) if self.classes else np.zeros(records.n, dtype=np.int64)
        scores = np.zeros(records.n, dtype=np.int64)
        for code, part in enumerate(self.parts):
            rows = chosen == code
            scores[rows] = (
                self._linear(part, inputs[rows]) if isinstance(part, IntegerLinear) else _forest(part, inputs[rows])
            )
        return scores

    def micros(self, records: Records) -> list[int]:
        """Predicted drop of the risk by each record in millionths of its unit, (n,).

        Raises:
            DataError: The records are of another schema.
        """
        return [self.drops[bisect_right(self.levels, int(score))] for score in self.scores(records)]

    def _linear(self, part: IntegerLinear, inputs: Int64) -> Int64:
        scores = np.full(len(inputs), part.bias, dtype=np.int64)
        for j, (column, weights) in enumerate(zip(self.columns, part.weights, strict=True)):
            scores += np.array(weights)[inputs[:, j]] if column.values else weights[0] * inputs[:, j]
        return scores


def _forest(part: IntegerForest, inputs: Int64) -> Int64:
    scores: npt.NDArray[np.int64] = np.zeros(len(inputs), dtype=np.int64)
    rows = np.arange(len(inputs))
    for tree in part.trees:
        column, threshold = np.array(tree.column), np.array(tree.threshold)
        left, right = np.array(tree.left), np.array(tree.right)
        node = np.zeros(len(inputs), dtype=np.int64)
        while True:
            below = np.where(inputs[rows, column[node]] <= threshold[node], left[node], right[node])
            if (below == node).all():
                break
            node = below
        scores += np.array(tree.value, dtype=np.int64)[node]
    return scores
