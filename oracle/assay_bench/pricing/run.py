"""A run: computes units in a pool of processes and stores each result at once, so that a run can be resumed."""

import math
import multiprocessing
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from itertools import groupby, takewhile
from pathlib import Path

from assay_bench.errors import BenchError
from assay_bench.pricing.cache import ResultCache
from assay_bench.pricing.parts import compute
from assay_bench.pricing.results import Result
from assay_bench.pricing.units import Unit
from assay_pricing.errors import PricingError


@dataclass(frozen=True)
class Failure:
    """A unit that could not be computed, and the reason: data or fidelity that are missing."""

    unit: Unit
    reason: str


def run(
    units: list[Unit],
    cache: ResultCache,
    packages: Path,
    workers: int,
    on_done: Callable[[Unit], None],
    until: float = math.inf,
) -> Iterator[Failure]:
    """Computes the units without a stored result, in the given order.

    Units that measure time for a goal run one by one, after all before them and before all after them.

    Args:
        units: The plan.
        cache: Stored results; new results are added.
        packages: Folder of downloaded packages and of features.
        workers: Number of processes, each of which computes on one thread.
        on_done: Called with every unit that has ended or was already stored.
        until: Time by ``time.monotonic`` after which no unit is started.

    Yields:
        Units that could not be computed.
    """
    missing = []
    for unit in units:
        if cache.read(unit) is None:
            missing.append(unit)
        else:
            on_done(unit)
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=spawn, initializer=_use_one_thread) as pool:
        for exclusive, part in groupby(missing, lambda unit: unit.exclusive):
            queue = takewhile(lambda _: time.monotonic() < until, part)
            for unit, outcome in _outcomes(pool, queue, packages, 1 if exclusive else workers):
                if isinstance(outcome, Failure):
                    yield outcome
                else:
                    cache.write(unit, outcome)
                on_done(unit)


def _outcomes(
    pool: ProcessPoolExecutor, queue: Iterator[Unit], packages: Path, limit: int
) -> Iterator[tuple[Unit, Result | Failure]]:
    """Units with their outcomes in the order of completion; at most ``limit`` units are submitted at a time."""
    running: dict[Future[Result | Failure], Unit] = {}
    try:
        while True:
            while len(running) < limit and (unit := next(queue, None)) is not None:
                running[pool.submit(_outcome, unit, packages)] = unit
            if not running:
                return
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                yield running.pop(future), future.result()
    finally:
        for future in running:
            future.cancel()


def _use_one_thread() -> None:
    import warnings

    import torch

    torch.set_num_threads(1)
    warnings.simplefilter("ignore")  # raised by the libraries that the benchmark compares


def _outcome(unit: Unit, packages: Path) -> Result | Failure:
    try:
        return compute(unit, packages)
    except (BenchError, PricingError) as error:
        return Failure(unit, f"{error}{f' (hint: {error.hint})' if error.hint else ''}")
