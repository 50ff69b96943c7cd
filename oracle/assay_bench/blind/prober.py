"""A seller who encrypts sums of her choice, under as many identities as she needs, to copy the owner's model.

The oracle answers each with one price, which is quadratic in what is encrypted. The prober starts at the sums of her
own data, which have a price. She adds ``b phi(x)^T`` to a row of Q, and ``a`` to that row of U: the residual's row
moves by ``a - b y``, where y is what the surrogate answers for her record x. The price less that without ``a``, less
the same difference without x, is ``K b (a . y)``, with K the row's diagonal entry of the quadratic part. So each price
beyond one for a record tells one number of y, whose largest entry is a label. On the labels she trains a copy.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from sklearn.svm import SVC

from assay_bench.figures import Floats
from assay_pricing.records.records import Records
from assay_pricing.sums.features import Small
from assay_pricing.sums.form import PriceForm
from assay_pricing.sums.inputs import Integers
from assay_pricing.sums.moments import Moments

Money = Callable[[int, int], int]
"""Doubled price and number of records to base units."""
CODES = (1, 4, 10)
"""Numbers of an answer that a label is read from: sums over classes, or at ten each class's own entry."""
_ROW = 0
_HALVINGS = 40
_STEP = 10
"""Labels between two copies."""


@dataclass(eq=False)
class Oracle:
    """Answers sums, whatever they are, as the rounds of a blind quote do, and counts the answers.

    Attributes:
        form: The owner's integers.
        money: Doubled price to base units.
        records: That every statement says the sums are of.
        asked: Number of answers.
        last: The sums that were answered last.
    """

    form: PriceForm
    money: Money
    records: int
    asked: int = 0
    last: tuple[Integers, Integers] = field(init=False)

    def __post_init__(self) -> None:
        secret = self.form.secret
        self._secret = tuple(part.astype(np.float64) for part in (secret.weights, secret.linear, secret.quadratic))

    def price(self, second: Small, first: Small) -> int:
        """Price of sums in base units, exact but for a relative error of the doubled price below 1e-9.

        Args:
            second: Q (d, d) in units of the regression; it need not be symmetric.
            first: U (d, k).
        """
        terms = self.form.terms
        q, u = np.rint(second * 2.0**terms.shrinkage_bits), np.rint(first * 2.0**terms.solution_bits)
        return self.answer(q.astype(np.int64), u.astype(np.int64))

    def answer(self, q: Integers, u: Integers) -> int:
        """The same of integers."""
        self.asked += 1
        self.last = q, u
        weights, linear, quadratic = self._secret
        residual = u - q @ weights
        doubled = -2 * (linear * residual).sum() - ((quadratic @ residual) * residual).sum()
        return self.money(int(doubled), self.records)


@dataclass(frozen=True, eq=False)
class Prober:
    """The seller.

    Attributes:
        oracle: Asked.
        own: Records with labels that she has.
        others: Records whose labels she wants (n).
    """

    oracle: Oracle
    own: Records
    others: Records

    def labels(self, numbers: int) -> tuple[Integers, Integers] | None:
        """Labels (n,) of the records, and the number of prices (n,) after which each was known.

        None if her own data have no price, so that no sums near theirs tell anything.

        Args:
            numbers: One of ``CODES``.
        """
        terms = self.oracle.form.terms
        found = terms.statistics(Moments.of(terms.features, [self.own]))
        start = (found.shrinkage / 2.0**terms.shrinkage_bits, found.solution / 2.0**terms.solution_bits)
        price = self.oracle.price(*start)
        if not price:
            return None
        codes = _codes(terms.shape.outputs, numbers)
        way = min(self._amplitude(start, sign * code, price) for code in codes for sign in (1, -1))
        alone = [self._moved(start, way * code) - price for code in codes]
        bend = max(2 * price - self._moved(start, way * codes[0]) - self._moved(start, -way * codes[0]), 1)
        unit = bend / (codes[0] @ codes[0])
        phi = terms.features.of(terms.features.inputs.codes(self.others.x)).astype(np.float64)
        labels, asked = [], []
        for row in phi:
            without = self._moved(start, np.zeros(len(codes[0])), way * row)
            moved = [self._moved(start, way * code, way * row) - without for code in codes]
            told = (np.array(moved) - alone) / unit
            labels.append(int(((told[:, None] - codes) ** 2).sum(0).argmin()))
            asked.append(self.oracle.asked)
        return np.array(labels), np.array(asked)

    def _amplitude(self, start: tuple[Small, Small], code: Floats, price: int) -> float:
        """The largest power of two by which moving along a code leaves three quarters of the price."""
        way = 1.0
        for _ in range(_HALVINGS):
            if 4 * self._moved(start, way * code) >= 3 * price:
                break
            way /= 2
        return way

    def _moved(self, start: tuple[Small, Small], solution: Floats, shrinkage: Floats | float = 0.0) -> int:
        """Price where one row of U moves by ``solution`` (k,), and that of Q by ``shrinkage`` (d,)."""
        second, first = (part.copy() for part in start)
        second[_ROW] += shrinkage
        first[_ROW] += solution
        return self.oracle.price(second, first)


def _codes(classes: int, numbers: int) -> Floats:
    """Numbers by which classes differ (m, k): their digits, from -1 to 1; with m of k or more, a one for each class."""
    if numbers >= classes:
        return np.eye(classes)
    base = math.ceil(round(classes ** (1 / numbers), 9))
    digits = np.arange(classes)[None, :] // base ** np.arange(numbers)[:, None] % base
    return np.asarray(2 * digits / (base - 1) - 1)


@dataclass(frozen=True)
class Copy:
    """A copy of the model.

    Attributes:
        queries: Prices asked for.
        fidelity: Share of fresh records on which it agrees with the model.
    """

    queries: int
    fidelity: float


def copies(
    own: Records, others: Records, labels: Integers, asked: Integers, fresh: Records, answers: Integers
) -> Sequence[Copy]:
    """Copies by the number of labels, trained on them and on the prober's own records.

    Args:
        own: Records with labels.
        others: Records (n).
        labels: What was read (n,).
        asked: Prices until then (n,).
        fresh: Records (m).
        answers: The model's labels of these (m,).
    """
    found = [Copy(0, _fidelity(own.x, own.y, fresh, answers))]
    for n in range(_STEP, len(labels) + 1, _STEP):
        x, y = np.concatenate([own.x, others.x[:n]]), np.concatenate([own.y, labels[:n]])
        found.append(Copy(int(asked[n - 1]), _fidelity(x, y, fresh, answers)))
    return found


def _fidelity(x: Floats, y: Floats, fresh: Records, answers: Integers) -> float:
    copy = SVC(C=10).fit(x, y)
    return float((copy.predict(fresh.x) == answers).mean())
