"""Work on an offer in parts: its memory does not grow with the offer, and parts may be computed anywhere.

A part is encoded, worked on and forgotten. What is kept of it is either by record or a sum of whole numbers, so that no
division of an offer changes a price.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from typing import Any, Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor

from assay_pricing.duplicates import Kernel
from assay_pricing.learners.threads import Once, begin, in_parallel, one_thread_each, usable_processors, workers
from assay_pricing.methods import Method, RefitMethod
from assay_pricing.records.records import Float64, Int64, Records, Selection
from assay_pricing.similarity import AT_RADIUS, UNIT, Compared
from assay_pricing.surrogate.encoder import Encoder
from assay_pricing.surrogate.network import deterministic
from assay_pricing.surrogate.task import Sample, encoded

T = TypeVar("T")
R = TypeVar("R")

ROWS = 4096
"""Records of a part: few enough that their gradients take some ten MiB, and that a cluster has parts for everyone."""


class Pool(Protocol):
    """Where parts are computed."""

    def map(self, work: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        """The results of ``work`` in the order of the items, of which only a few are held at a time.

        Args:
            work: Depends on its item alone, and changes nothing that another call reads.
            items: Arguments.
        """

    def train(self, function: Callable[[T], R], items: Iterable[T], records: int) -> list[R]:
        """See ``threads.Run``: trainings, each of which takes far longer than a part."""

    def has_room(self, records: int) -> bool:
        """Whether several trainings on so many records are worth running at the same time."""


class Threads:
    """This process: one thread for each usable processor, each of which computes on one thread."""

    def map(self, work: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        """See ``Pool.map``."""
        rest, count = iter(items), usable_processors()
        first = list(islice(rest, 2))
        if len(first) < 2 or count < 2:
            yield from map(work, chain(first, rest))
            return
        with one_thread_each(), ThreadPoolExecutor(count, initializer=begin) as pool:
            yield from in_order(lambda item: pool.submit(work, item), chain(first, rest), 2 * count)

    def train(self, function: Callable[[T], R], items: Iterable[T], records: int) -> list[R]:
        """See ``Pool.train``."""
        return in_parallel(function, items, records)

    def has_room(self, records: int) -> bool:
        """See ``Pool.has_room``."""
        return workers(records) > 1


def in_order(submit: Callable[[T], Any], items: Iterable[T], most: int) -> Iterator[Any]:
    """Results of futures in the order of their items, with at most ``most`` in flight.

    Args:
        submit: Makes the future of an item.
        items: Taken one by one.
        most: Futures that are not yet read.
    """
    pending: deque[Any] = deque()
    for item in items:
        if len(pending) >= most:
            yield pending.popleft().result()
        pending.append(submit(item))
    while pending:
        yield pending.popleft().result()


LOCAL = Threads()

_VALUE = 2.0**-40


def parts(records: Records | Selection) -> Iterator[Records]:
    """The records in parts of at most ``ROWS``, in order; one part without records if there are none."""
    for start in range(0, max(records.n, 1), ROWS):
        yield records.take(np.arange(start, min(start + ROWS, records.n)))


def record_values(method: Method, records: Records | Selection, pool: Pool = LOCAL) -> Float64:
    """Value of each record on its own in the unit of the goal, (n,), see ``_rounded``."""
    return np.concatenate(list(pool.map(partial(_values, method), parts(records))))


def values_by_halves(method: RefitMethod, records: Records | Selection, pool: Pool = LOCAL) -> Float64:
    """See ``RefitMethod.values_by_halves``; (3, n)."""
    return np.concatenate(list(pool.map(partial(_values_by_halves, method), parts(records))), axis=1)


class Values:
    """Values of the records of an offer (n), in the unit of the goal; computed when they are first asked for.

    Where a subset of few records may be priced, their values by halves of the validation records are computed together
    with those by all of them, which takes little longer than these alone.
    """

    def __init__(self, method: Method, records: Records | Selection, pool: Pool = LOCAL) -> None:
        self._method = method
        self._records = records
        self._pool = pool
        self._found = Once(self._compute)

    def _compute(self) -> Float64:
        if isinstance(self._method, RefitMethod) and self._method.prices_subsets and self._records.n <= ROWS:
            return values_by_halves(self._method, self._records, self._pool)
        return record_values(self._method, self._records, self._pool)[None]

    def __call__(self) -> Float64:
        """The value of each record on its own (n,)."""
        found: Float64 = self._found()[0]
        return found

    def by_halves(self, rows: Int64) -> Float64:
        """Value of each record at rows (m,) by each half of the validation records (2, m)."""
        found = self._found()
        if len(found) > 1:
            return np.asarray(found[1:, rows])
        assert isinstance(self._method, RefitMethod)
        return values_by_halves(self._method, self._records.take(rows), self._pool)[1:]


def _rounded(values: Float64) -> Float64:
    """Values in multiples of ``_VALUE``.

    A product of matrices may round a row otherwise where it has other rows beside it, and no value that is nothing but
    such rounding is to count as positive.
    """
    return np.asarray(np.round(values / _VALUE) * _VALUE)


@dataclass(frozen=True, eq=False)
class Whole:
    """All records of an offer, which are compared with others in parts.

    Attributes:
        records: The offer (n).
        encoder: Of the records.
        pool: Where parts are worked on.
    """

    records: Records | Selection
    encoder: Encoder
    pool: Pool = LOCAL

    def density(self, kernel: Kernel, records: Sample) -> Tensor:
        """Sum over the offer of the similarities to each of m records (m,)."""
        if not len(records):
            return torch.zeros(0, dtype=torch.float64)
        compared = kernel.compared(records)
        if compared is None:
            return torch.zeros(len(records), dtype=torch.float64)
        found = self.pool.map(partial(_density, compared, self.encoder), parts(self.records))
        return sum(found, torch.zeros(len(records), dtype=torch.float64))

    def copies(self, kernel: Kernel, records: Sample) -> Tensor:
        """Whether the offer has a record of the same label within the radius of each of m records, (m,)."""
        copied, compared = torch.zeros(len(records), dtype=torch.bool), kernel.compared(records)
        if len(records) and compared is not None:
            for found in self.pool.map(partial(_copied, compared, self.encoder), parts(self.records)):
                copied |= found
        return copied


def _values(method: Method, part: Records) -> Float64:
    with deterministic():
        return _rounded(method.record_values(part) * method.value_unit)


def _values_by_halves(method: RefitMethod, part: Records) -> Float64:
    with deterministic():
        return _rounded(method.values_by_halves(part) * method.value_unit)


def _density(records: Compared, encoder: Encoder, part: Records) -> Tensor:
    with deterministic():
        return records.total(encoded(encoder, part)) / UNIT


def _copied(records: Compared, encoder: Encoder, part: Records) -> Tensor:
    with deterministic():
        return records.highest(encoded(encoder, part)) >= AT_RADIUS
