"""Integer scorers: quantised features, integer weights, and an evaluator that is exact. See ``docs/price-format.md``.

Nothing is rounded after the comparison of a feature with its edges, so the same score can be computed on encrypted rows
or proved in a circuit, and must agree to the bit.
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


class Column(Value):
    """One input as a small whole number.

    A number becomes how many of its ``edges`` it is not below; a category its place in ``values``, or their count where
    it is none of them.
    """

    name: str
    edges: tuple[float, ...] = ()
    values: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _check(self) -> "Column":
        if self.edges and self.values:
            raise ValueError("expected edges or values, got both")
        if any(float(np.float32(edge)) != edge for edge in self.edges):
            raise ValueError("expected edges that are single-precision numbers")
        if list(self.edges) != sorted(set(self.edges)):
            raise ValueError("expected edges that rise")
        if max(len(self.edges), len(self.values)) >= 2**MAX_BITS:
            raise ValueError(f"expected inputs of at most {MAX_BITS} bits")
        return self


class Linear(Value):
    """``bias`` plus the sum of weights times inputs; a category has one weight for each of its values and for none."""

    kind: Literal["linear"] = "linear"
    bias: Weight
    weights: tuple[tuple[Weight, ...], ...]
    """By column: one weight of a number, or one for each code of a category."""


class Tree(Value):
    """Nodes in one row: an inner node sends a record to ``left`` where its input is at most ``threshold``, else right.

    A leaf has itself as both children. Children come after their parents.
    """

    column: tuple[int, ...]
    threshold: tuple[int, ...]
    left: tuple[int, ...]
    right: tuple[int, ...]
    value: tuple[Weight, ...]

    @model_validator(mode="after")
    def _check(self) -> "Tree":
        nodes = len(self.column)
        if not nodes or any(len(part) != nodes for part in (self.threshold, self.left, self.right, self.value)):
            raise ValueError("expected as many thresholds, children and values as columns, and at least one node")
        for i, (left, right) in enumerate(zip(self.left, self.right, strict=True)):
            if not (left == right == i or (i < left < nodes and i < right < nodes)):
                raise ValueError(f"expected children after node {i}, got {left} and {right}")
        return self


class Forest(Value):
    """The sum of its trees; a tree alone is a forest of one."""

    kind: Literal["tree", "forest"]
    trees: tuple[Tree, ...] = Field(min_length=1, max_length=_MAX_TREES)


class Scorer(Value):
    """A scorer of labelled records.

    Attributes:
        columns: The schema's features in order; in a regression the label comes last.
        classes: Labels, each with its own part; empty for a regression, which has one part.
        parts: What scores a record of each class.
        levels: Scores at which the predicted drop of the risk steps up, rising.
        drops: That drop in millionths of the risk's unit, below the first level and from each level on; never falls.
        function_hash: The price function whose score this is.
        method: Its method.
        rank_agreement: Spearman's rank correlation with that function's points on records held out, in millionths.
    """

    format: Literal["assay/integer-scorer"] = "assay/integer-scorer"
    version: Literal[1] = 1
    columns: tuple[Column, ...] = Field(min_length=1, max_length=_MAX_FEATURES)
    classes: tuple[str, ...] = ()
    parts: tuple[Linear | Forest, ...]
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
            raise ValueError("expected levels that rise and drops that do not fall")
        if len(self.drops) != len(self.levels) + 1:
            raise ValueError(f"expected {len(self.levels) + 1} drops, got {len(self.drops)}")
        for part in self.parts:
            if isinstance(part, Linear):
                wanted = [len(column.values) + 1 if column.values else 1 for column in self.columns]
                if [len(weights) for weights in part.weights] != wanted:
                    raise ValueError("expected one weight for a number, and one for each code of a category")
            elif any(not 0 <= j < len(self.columns) for tree in part.trees for j in tree.column):
                raise ValueError("expected nodes that look at one of the columns")
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
        inputs = [*records.x.T] if schema.classes else [*records.x.T, records.y.astype(np.float32)]
        told = np.zeros((records.n, len(self.columns)), dtype=np.int64)
        for j, (column, values) in enumerate(zip(self.columns, inputs, strict=True)):
            if column.edges:
                told[:, j] = np.searchsorted(np.array(column.edges, dtype=np.float32), values, side="right")
            elif column.values:
                told[:, j] = np.minimum(values.astype(np.int64), len(column.values))
        return told

    def scores(self, records: Records) -> Int64:
        """Score of each record, (n,): exact, as no sum can leave 63 bits.

        Raises:
            DataError: The records are of another schema.
        """
        inputs = self.quantise(records)
        chosen = records.y.astype(np.int64) if self.classes else np.zeros(records.n, dtype=np.int64)
        told = np.zeros(records.n, dtype=np.int64)
        for code, part in enumerate(self.parts):
            rows = chosen == code
            told[rows] = self._linear(part, inputs[rows]) if isinstance(part, Linear) else _forest(part, inputs[rows])
        return told

    def micros(self, records: Records) -> list[int]:
        """Predicted drop of the risk by each record in millionths of its unit, (n,).

        Raises:
            DataError: The records are of another schema.
        """
        return [self.drops[bisect_right(self.levels, int(score))] for score in self.scores(records)]

    def _linear(self, part: Linear, inputs: Int64) -> Int64:
        told = np.full(len(inputs), part.bias, dtype=np.int64)
        for j, (column, weights) in enumerate(zip(self.columns, part.weights, strict=True)):
            told += np.array(weights)[inputs[:, j]] if column.values else weights[0] * inputs[:, j]
        return told


def _forest(part: Forest, inputs: Int64) -> Int64:
    told: npt.NDArray[np.int64] = np.zeros(len(inputs), dtype=np.int64)
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
        told += np.array(tree.value, dtype=np.int64)[node]
    return told
