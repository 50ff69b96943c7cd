"""Forest: extremely randomised trees extracted from the black box's labels alone, and a closed-form update.

A set is priced by ridge regression on leaf indicators: it learns the residuals between the labels of base and offer and
the black box's answers. No gradient and no probability of the model is needed.
"""

from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor

from assay_pricing.methods.families.leaves import LeafMethod
from assay_pricing.surrogate.extraction import extract_forest
from assay_pricing.surrogate.task import Task
from assay_pricing.surrogate.trees import Trees

_SMALLEST_LEAF = 0.01


class Forest(LeafMethod):
    """Set price by a ridge regression on the leaves of an extracted forest; ``distillation`` ranks records better."""

    name = "forest"
    when_to_use = "owners from whom no gradient may leave, or a second family of surrogates"
    settings: ClassVar[Mapping[str, int | float | str]] = {"trees": 200, "questions": 3000}

    @classmethod
    def extract(cls, task: Task) -> tuple[Trees, Tensor]:
        """See ``extract_forest``."""
        trees, queries = task.settings["trees"], task.settings["questions"]
        return extract_forest(task, trees=trees, queries=queries, smallest_leaf=_SMALLEST_LEAF)


METHOD = Forest
