"""Tree: one decision tree extracted from the black box's labels, as the paper names it. The weakest; use ``forest``.

Bastani, Kim and Bastani, "Interpreting blackbox models via model extraction", 2017. With a single tree the ridge on
leaves is the leaf-count update: a leaf's answer becomes the mean of the labels that fall into it.
"""

from torch import Tensor

from assay_oracle.pricing.context import Task
from assay_oracle.pricing.extraction import extract_tree
from assay_oracle.pricing.leaves import OnLeaves
from assay_oracle.pricing.trees import Trees

_LEAVES = 150
_QUESTIONS = 200


class Tree(OnLeaves):
    """Set price by the counts in the leaves of one extracted tree."""

    name = "tree"

    @classmethod
    def extract(cls, task: Task) -> tuple[Trees, Tensor]:
        """See ``extract_tree``."""
        return extract_tree(task, leaves=_LEAVES, questions=_QUESTIONS)


METHOD = Tree
