"""Tree: one decision tree extracted from the black box's labels, as the paper names it.

Bastani, Kim and Bastani, "Interpreting blackbox models via model extraction", 2017. With a single tree the ridge on
leaves is the leaf-count update: a leaf's answer becomes the mean of the labels that fall into it.
"""

from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor

from assay_pricing.methods.families.leaves import LeafMethod
from assay_pricing.surrogate.extraction import extract_tree
from assay_pricing.surrogate.task import Task
from assay_pricing.surrogate.trees import Trees


class Tree(LeafMethod):
    """Set price by the label counts in the leaves of one extracted tree, the weakest method; use ``forest`` instead."""

    name = "tree"
    when_to_use = "comparison: readable, but weak"
    settings: ClassVar[Mapping[str, int | float | str]] = {"leaves": 150, "questions": 200}

    @classmethod
    def extract(cls, task: Task) -> tuple[Trees, Tensor]:
        """See ``extract_tree``."""
        return extract_tree(task, leaves=task.settings["leaves"], queries=task.settings["questions"])


METHOD = Tree
