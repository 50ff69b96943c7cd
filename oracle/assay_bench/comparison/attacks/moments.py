"""Records from moments, which a dishonest buyer reads off the gradients of weights that it chose.

``probed`` finds the sums and second moments of every class. ``separated`` also weighs the second moments of all records
by a projection, and takes them apart into records by simultaneous diagonalisation (Leurgans, Ross and Abel, SIAM J.
Matrix Anal. Appl. 1993).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.linalg import lstsq

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
    """Gradients that ``probed`` and ``separated`` take together."""
    pairs = hidden // 2
    return -(-classes * (features + 1) // pairs) - (-features // (pairs - 1))


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


_LEAST = 1e-9
_CLEAR = 20.0
"""Times the error of a second moment, from which on an eigenvalue is that of a record."""


def separated(
    gradient: Callable[[Weights], Weights],
    records: int,
    shape: tuple[int, int, int],
    moments: list[Moments],
    noise: float = 0.0,
) -> Floats:
    """The records (m, d), where those of a class are linearly independent and all are few enough.

    The second moments of class c span its records: they are ``B L B^T`` with r eigenvectors B. The moments
    ``sum (x u) x x^T`` of all records, for a random u, are ``sum B A B^T`` over the classes: as many linear equations
    as a symmetric matrix (d, d) has entries, with ``r (r + 1) / 2`` unknowns for each class. The eigenvectors of A
    between two factors ``L^-1/2`` are the records of the class but for their signs, and features are not negative.

    Args:
        gradient: As in ``probed``.
        records: Number of the seller's records.
        shape: d, h and k.
        moments: That ``probed`` found.
        noise: Standard deviation of the gradient's error.

    Returns:
        No record, where there are more unknowns than equations.
    """
    least = max(_LEAST, _CLEAR * noise * records / 4)
    above, spans, columns = np.triu_indices(shape[0]), [], []
    for each in moments:
        values, vectors = np.linalg.eigh(each.squares)
        basis = vectors[:, values > least]
        i, j = np.triu_indices(basis.shape[1])
        outer = basis[:, None, i] * basis[None, :, j]
        spans.append((np.sqrt(values[values > least]), basis))
        columns.append(((outer + outer.transpose(1, 0, 2)) / 2)[above])
    unknowns = [each.shape[1] for each in columns]
    if sum(unknowns) > len(above[0]):
        return np.empty((0, shape[0]))
    weighted = _weighted(gradient, records, shape, moments[0], np.random.default_rng(0).normal(size=shape[0]))
    solution = lstsq(np.hstack(columns), weighted[above], lapack_driver="gelsy")[0]
    found = []
    for (scale, basis), numbers in zip(spans, np.split(solution, np.cumsum(unknowns)[:-1]), strict=True):
        matrix = np.zeros((len(scale), len(scale)))
        matrix[np.triu_indices(len(scale))] = numbers / 2
        turned = np.linalg.eigh((matrix + matrix.T) / np.outer(scale, scale))[1].T
        rows = (turned * scale) @ basis.T
        found.append(rows * np.where(rows.sum(1, keepdims=True) < 0, -1, 1))
    return np.vstack(found)


def _weighted(
    gradient: Callable[[Weights], Weights],
    records: int,
    shape: tuple[int, int, int],
    first: Moments,
    direction: Floats,
) -> Floats:
    """``sum (x u) x x^T`` over all records (d, d), for a direction u (d,).

    Two units make the output of the first class ``x u = (x u/4 + 1)^2 - (x u/4 - 1)^2``. The gradient of a pair that
    asks for a row of that class's second moments then has ``x u - y`` as its error.
    """
    features, hidden, _ = shape
    found, pairs = np.empty((features, features)), hidden // 2 - 1
    for start in range(0, features, pairs):
        part = range(start, min(start + pairs, features))
        w1, b1, w2, b2 = _asking([(0, -1), *((0, j) for j in part)], shape)
        w1[:, :2], b1[:2] = direction[:, None] / 4, (1, -1)
        by_w1 = gradient((w1, b1, w2, b2))[0]
        found[part] = by_w1[:, 2 : 2 * len(part) + 2 : 2].T * records / 4
    found += first.squares
    return np.asarray((found + found.T) / 2)
