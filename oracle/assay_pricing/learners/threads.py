"""Independent trainings on several threads, each of which computes on one thread.

A sum whose parts are shared among threads depends on their number. Work is therefore divided between trainings, never
within one: results are equal to the bit on any number of processors. The libraries release the interpreter's lock in
their loops, so that trainings on many records run at the same time. On few, threads wait for the lock most of the time,
and two trainings take longer together than one after the other.
"""

import os
import sys
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

T = TypeVar("T")
R = TypeVar("R")

_MAX_WORKERS = 4
"""More threads wait for the interpreter's lock, and each holds the memory of a training."""

_LEAST_RECORDS = 8192
"""Trainings on fewer records are no faster at the same time."""

_local = threading.local()


@contextmanager
def single_thread() -> Iterator[None]:
    """Runs the libraries that are loaded on one thread: one order of sums."""
    with _pools(len(sys.modules)).limit(limits=1):
        yield


@contextmanager
def sklearn_on_single_thread() -> Iterator[None]:
    """Loads scikit-learn, which takes a second, and runs it on one thread."""
    import sklearn  # noqa: F401  (its thread pools are limited only once they are loaded)

    with single_thread():
        yield


@lru_cache(maxsize=1)
def _pools(modules: int) -> "ThreadpoolController":  # noqa: ARG001
    """The thread pools of the libraries that are loaded; searched again once more ``modules`` are imported.

    The search reads the list of all files that are mapped into memory: milliseconds, as long as a small training.
    """
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Around work that is shared among threads.

    Limits of libraries and filters of warnings are the process's: threads would restore each other's.
    """
    with sklearn_on_single_thread(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


class Run(Protocol):
    """Where independent trainings take place: ``in_parallel``, or another machine."""

    def __call__(self, function: Callable[[T], R], items: Iterable[T], records: int) -> list[R]:
        """See ``in_parallel``."""


def workers(records: int) -> int:
    """Threads that work on so many records is shared among: one for each usable processor, up to four; or one."""
    if records < _LEAST_RECORDS or getattr(_local, "is_worker", False):
        return 1
    return _processors()


def _processors() -> int:
    return min(usable_processors(), _MAX_WORKERS)


def usable_processors() -> int:
    """Processors that this thread may give work to: all that the process may use; one if it is itself a worker."""
    if getattr(_local, "is_worker", False):
        return 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_parallel(function: Callable[[T], R], items: Iterable[T], records: int) -> list[R]:
    """The function's results in the order of the items, computed at the same time where the work is large.

    Within a call that is itself part of parallel work, one item is taken after the other. The first error of an item is
    raised; items that have not begun by then are left out.

    Args:
        function: Depends on its item alone, and changes nothing that another call reads.
        items: Arguments.
        records: How many records each call works on, about.
    """
    given = list(items)
    threads = min(workers(records), len(given))
    if threads < 2:
        return [function(item) for item in given]
    with one_thread_each(), ThreadPoolExecutor(threads, initializer=begin) as pool:
        return list(pool.map(function, given))


def at_once(*calls: Callable[[], T]) -> list[T]:
    """Results of calls that mostly wait for work that they give to others, each in a thread of its own."""
    import torch

    with one_thread_each(), ThreadPoolExecutor(len(calls), initializer=partial(torch.set_num_threads, 1)) as pool:
        return [future.result() for future in [pool.submit(call) for call in calls]]


class Once(Generic[T]):
    """A value that is computed when it is first asked for; other threads that ask wait.

    Args:
        compute: Returns it.
    """

    def __init__(self, compute: Callable[[], T]) -> None:
        self._compute = compute
        self._lock = threading.Lock()
        self._found: list[T] = []

    def __call__(self) -> T:
        """The value, or the error of ``compute``, which the next call then tries again."""
        with self._lock:
            if not self._found:
                self._found.append(self._compute())
        return self._found[0]


def begin() -> None:
    """Makes a thread a worker; OpenMP's limit is each thread's own."""
    import torch
    from threadpoolctl import threadpool_limits

    _local.is_worker = True
    torch.set_num_threads(1)
    threadpool_limits(1)
