"""Records from moments of small groups, which a dishonest buyer reads off the gradients of weights that it chose."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from assay_bench.figures import Floats

Weights = tuple[Floats, Floats, Floats, Floats]
"""Of a network ``(x W1 + b1)^2 W2 + b2``: W1 (d, h), b1 (h,), W2 (h, k), b2 (k,); or a gradient by each."""


@dataclass(frozen=True)
class Moments:
    """Of the records of one class.

    Attributes:
        count: Number of records.
        sums: Their sum (d,).
        squares: The sum of their outer products (d, d).
    """

    count: int
    sums: Floats
    squares: Floats

    def records(self) -> Floats:
        """One record, or two, exactly; of more their mean, and of none nothing: (m, d)."""
        if self.count == 0:
            return np.empty((0, len(self.sums)))
        if self.count != 2:
            return np.asarray(self.sums[None] / self.count)
        # (a - b)(a - b)^T = 2 (a a^T + b b^T) - (a + b)(a + b)^T has one eigenvalue that is not zero: |a - b|^2.
        values, vectors = np.linalg.eigh(2 * self.squares - np.outer(self.sums, self.sums))
        apart = np.sqrt(max(values[-1], 0.0)) * vectors[:, -1]
        return np.stack([(self.sums + apart) / 2, (self.sums - apart) / 2])


def steps_to_probe(features: int, hidden: int, classes: int) -> int:
    """Gradients that ``probed`` takes."""
    return -(-classes * (features + 1) // (hidden // 2))


def probed(gradient: Callable[[Weights], Weights], records: int, shape: tuple[int, int, int]) -> list[Moments]:
    """The moments of every class of a seller's records.

    Units come in pairs with opposite output weights 1 and -1 for one class c. A pair adds nothing to any output. So
    the error stays -y, and the gradient by the first one's weights w is ``-4 sum (x w + b) x`` over the records x of
    class c, divided by the number of all records. With w = 0 and b = 1 that is their sum, with b = 0 and a unit vector
    w a row of their second moments.

    Args:
        gradient: Of the mean over the seller's records of ``|(x W1 + b1)^2 W2 + b2 - y|^2``, at the given weights.
        records: Number of the seller's records.
        shape: d, h and k.
    """
    features, hidden, classes = shape
    questions = [(c, j) for c in range(classes) for j in range(-1, features)]
    pairs = hidden // 2
    found: dict[tuple[int, int], Floats] = {}
    counts = np.zeros(classes)
    for start in range(0, len(questions), pairs):
        part = questions[start : start + pairs]
        by_w1, _, _, by_b2 = gradient(_asking(part, shape))
        counts = np.rint(-by_b2 * records / 2)
        for pair, question in enumerate(part):
            found[question] = -by_w1[:, 2 * pair] * records / 4
    squares = [np.stack([found[c, j] for j in range(features)]) for c in range(classes)]
    return [Moments(int(counts[c]), found[c, -1], (squares[c] + squares[c].T) / 2) for c in range(classes)]


def _asking(questions: list[tuple[int, int]], shape: tuple[int, int, int]) -> Weights:
    features, hidden, classes = shape
    w1, b1, w2 = np.zeros((features, hidden)), np.zeros(hidden), np.zeros((hidden, classes))
    for pair, (c, j) in enumerate(questions):
        both = slice(2 * pair, 2 * pair + 2)
        w2[both, c] = 1, -1
        if j < 0:
            b1[both] = 1
        else:
            w1[j, both] = 1
    return w1, b1, w2, np.zeros(classes)
