"""Forest: extremely randomised trees extracted from the black box's labels alone, and a closed-form update.

A set is priced by ridge regression on leaf indicators (``ridge``): what the labels of base and offer say beyond the
black box's own answers. No gradient and no probability of the model is needed.
"""

from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor

from assay_pricing.methods.on_leaves import OnLeaves
from assay_pricing.surrogate.extraction import extract_forest
from assay_pricing.surrogate.task import Task
from assay_pricing.surrogate.trees import Trees

_SMALLEST_LEAF = 0.01


class Forest(OnLeaves):
    """Set price by a ridge regression on the leaves of an extracted forest."""

    name = "forest"
    settings: ClassVar[Mapping[str, int | float | str]] = {"trees": 200, "questions": 3000}

    @classmethod
    def extract(cls, task: Task) -> tuple[Trees, Tensor]:
        """See ``extract_forest``."""
        return extract_forest(task, **task.settings, smallest_leaf=_SMALLEST_LEAF)


METHOD = Forest
