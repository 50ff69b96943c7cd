"""A Dask cluster where parts of an offer are worked on: the same price, computed on several machines."""

import ctypes
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from functools import cache
from typing import Any, TypeVar

from assay.errors import UsageError
from assay_pricing.learners.threads import begin
from assay_pricing.offers.partitions import LOCAL, Pool, in_order

T = TypeVar("T")
R = TypeVar("R")

_SECONDS = 30
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Parameters of ``mallopt``, by their numbers in glibc."""
_LARGEST = 2**25
"""Bytes of an allocation that glibc by itself learns to keep for the next one (``DEFAULT_MMAP_THRESHOLD_MAX``)."""


class Cluster:
    """The ``Pool`` of a Dask client.

    Args:
        client: Connected to a scheduler with workers.
    """

    def __init__(self, client: Any) -> None:
        self._client = client

    def train(self, function: Callable[[T], R], items: Iterable[T], records: int) -> list[R]:  # noqa: ARG002
        """See ``Pool.train``; the items are sent at once, one to each worker in turn."""
        sent = self._client.scatter(list(items), hash=False)
        futures = [self._client.submit(_applied, function, item, pure=False) for item in sent]
        return [future.result() for future in futures]

    def has_room(self, records: int) -> bool:  # noqa: ARG002
        """See ``Pool.has_room``: trainings wait for a worker there, not here."""
        return True

    def map(self, work: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        """See ``Pool.map``; ``work`` is sent once to every worker."""
        sent = self._client.scatter([work], broadcast=True, hash=False)[0]
        threads = sum(self._client.ncores().values())
        return in_order(lambda item: self._client.submit(_applied, sent, item, pure=False), items, 2 * threads)


@contextmanager
def pool_at(scheduler: str | None) -> Iterator[Pool]:
    """The cluster with this scheduler; this process if there is none."""
    with cluster(scheduler) if scheduler else nullcontext(LOCAL) as pool:
        yield pool


@contextmanager
def cluster(address: str) -> Iterator[Cluster]:
    """The cluster with a scheduler at ``address``.

    Raises:
        UsageError: Dask is not installed, no scheduler answers there, or it has no workers.
    """
    try:
        import distributed
    except ImportError:
        raise UsageError("expected Dask for --scheduler, it is not installed", hint="install assay[dask]") from None
    try:
        connect: Any = distributed.Client
        client = connect(address, timeout=_SECONDS, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UsageError(
            f"expected a Dask scheduler at {address}, got none: {reason}", hint="for example tcp://127.0.0.1:8786"
        ) from None
    with client:
        if not client.ncores():
            raise UsageError(
                f"expected a Dask scheduler with workers at {address}, it has none", hint=f"dask worker {address}"
            )
        yield Cluster(client)


def _applied(work: Callable[[T], R], item: T) -> R:
    """Works on one thread. The limit stays: lifted in between, it would change another thread's order of sums."""
    _keep_memory()
    begin()
    return work(item)


@cache
def _keep_memory() -> None:
    """Lets this process use memory again that it frees, as other processes do; once.

    Dask starts workers with a fixed ``MALLOC_TRIM_THRESHOLD_``. With it glibc gives every large array back to the
    system, which clears its pages for the next one: that takes as long as most of the work. Other systems have no such
    setting.
    """
    adjust = getattr(ctypes.CDLL(None), "mallopt", None)
    if adjust is not None:
        adjust(_MMAP_THRESHOLD, _LARGEST)
        adjust(_TRIM_THRESHOLD, 2 * _LARGEST)
