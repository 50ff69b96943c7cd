"""Binary decision trees as tensors, as an artifact keeps them, and the search for a record's leaf.

A tree is an array of nodes: an inner node sends a record left if its feature is at most the threshold, and right
otherwise. A leaf is its own child on both sides, so that all records reach a leaf of every tree in the same number of
steps.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

_BLOCK_NUMBERS = 2**22
"""Numbers in one block of node indices: 32 MiB."""


@dataclass(frozen=True, eq=False)
class Trees:
    """``t`` trees in one array of nodes.

    Attributes:
        feature: Encoded feature that a node splits on (nodes,); 0 for a leaf.
        threshold: A record goes left if the feature is at most this (nodes,).
        left: Node to the left (nodes,); a leaf's own index.
        right: Node to the right (nodes,); a leaf's own index.
        roots: First node of each tree (t,).
    """

    feature: Tensor
    threshold: Tensor
    left: Tensor
    right: Tensor
    roots: Tensor

    @classmethod
    def of(cls, estimators: Sequence[Any]) -> "Trees":
        """Converts fitted scikit-learn trees."""
        parts: dict[str, list[Any]] = {"feature": [], "threshold": [], "left": [], "right": []}
        roots, start = [], 0
        for estimator in estimators:
            tree = estimator.tree_
            own = np.arange(tree.node_count)
            leaf = tree.children_left < 0
            parts["feature"].append(np.where(leaf, 0, tree.feature))
            parts["threshold"].append(np.where(leaf, 0.0, tree.threshold))
            parts["left"].append(np.where(leaf, own, tree.children_left) + start)
            parts["right"].append(np.where(leaf, own, tree.children_right) + start)
            roots.append(start)
            start += tree.node_count
        whole = {name: torch.from_numpy(np.concatenate(arrays)) for name, arrays in parts.items()}
        return cls(
            whole["feature"].int(),
            whole["threshold"].double(),
            whole["left"].int(),
            whole["right"].int(),
            torch.tensor(roots, dtype=torch.int32),
        )

    @classmethod
    def restore(cls, tensors: Mapping[str, Tensor]) -> "Trees":
        """The inverse of ``tensors``."""
        return cls(**{name: tensors[f"trees.{name}"] for name in ("feature", "threshold", "left", "right", "roots")})

    @property
    def tensors(self) -> dict[str, Tensor]:
        """All arrays by their name in an artifact."""
        return {f"trees.{name}": getattr(self, name) for name in ("feature", "threshold", "left", "right", "roots")}

    def __len__(self) -> int:
        return len(self.roots)

    @cached_property
    def leaves(self) -> Tensor:
        """Nodes that are leaves, in ascending order (l,)."""
        return torch.nonzero(self.left == torch.arange(len(self.left)))[:, 0]

    @cached_property
    def depth(self) -> int:
        """Steps from a root to the deepest leaf."""
        reached, steps = self.roots.long(), 0
        while True:
            inner = reached[self.left[reached] != reached]
            if not len(inner):
                return steps
            reached = torch.cat([self.left[inner], self.right[inner]]).long()
            steps += 1

    @cached_property
    def _number(self) -> Tensor:
        """Index of each leaf among ``leaves`` (nodes,); 0 for inner nodes."""
        number = torch.zeros(len(self.left), dtype=torch.long)
        number[self.leaves] = torch.arange(len(self.leaves))
        return number

    def locate(self, x: Tensor) -> Tensor:
        """Leaf of each record in each tree, (n, t), as its index in ``leaves``.

        Args:
            x: Encoded records (n, width).
        """
        found = torch.empty((len(x), len(self)), dtype=torch.long)
        rows = max(1, _BLOCK_NUMBERS // len(self))
        feature, left, right = self.feature.long(), self.left.long(), self.right.long()
        for start in range(0, len(x), rows):
            part = x[start : start + rows]
            node = self.roots.long().expand(len(part), -1)
            for _ in range(self.depth):
                # A leaf is its own child: paths that end early stay where they are.
                low = part.gather(1, feature[node]) <= self.threshold[node]
                node = torch.where(low, left[node], right[node])
            found[start : start + rows] = self._number[node]
        return found
