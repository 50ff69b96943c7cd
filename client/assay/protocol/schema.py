"""The columns of a model's records: features by name and kind, and the label."""

from collections import Counter
from typing import Literal, Self

from pydantic import model_validator

from assay.protocol.types import Value


class Feature(Value):
    """One input column: ``categories`` lists the values that the model knows, for a categorical one."""

    name: str
    kind: Literal["numeric", "categorical"] = "numeric"
    categories: tuple[str, ...] = ()


class Schema(Value):
    """Shape of the records that a model takes: ``d`` features and, for a classifier, ``k`` classes.

    Every column has a name of its own.
    """

    task: Literal["classification", "regression"]
    features: tuple[Feature, ...]
    label: str
    classes: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _names_are_distinct(self) -> Self:
        counts = Counter([*(feature.name for feature in self.features), self.label])
        repeated = sorted(name for name, count in counts.items() if count > 1)
        if repeated:
            raise ValueError(f"expected columns of distinct names, got more than one {', '.join(repeated)}")
        return self
