"""A run: every unit in a process of its own, each result stored at once, so that a run can be resumed."""

import math
import multiprocessing
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from assay_bench.comparison.approaches import find
from assay_bench.comparison.figures import Row
from assay_bench.comparison.store import Store, Unit
from assay_bench.comparison.trade import Gains, draw
from assay_bench.errors import BenchError

_PRELOADED = ["assay_bench.comparison.copying", "assay_bench.comparison.fairness", "sklearn.datasets", "torch._dynamo"]
_NO_TIME = "no time was left"


@dataclass(frozen=True)
class Failure:
    """A unit that could not be computed, and the reason."""

    unit: Unit
    reason: str


def run(
    units: list[Unit], store: Store, workers: int, on_done: Callable[[Unit], None], until: float = math.inf
) -> Iterator[Failure]:
    """Computes the units without a stored result: first the true gains of their draws, then the rows.

    Args:
        units: The plan, without units of true gains.
        store: Stored results; new results are added.
        workers: Processes at a time, each of which computes on one thread.
        on_done: Called with every unit of the plan that has ended or was already stored.
        until: Time by ``time.monotonic`` after which no unit is started.

    Yields:
        Units that could not be computed.
    """
    missing = [unit for unit in units if store.row(unit) is None]
    for unit in units:
        if unit not in missing:
            on_done(unit)
    draws = sorted({Unit("", unit.size, unit.seed) for unit in missing if store.gains(unit) is None})
    for part in (draws, missing):
        for unit, failure in _computed(part, store, workers, until):
            if failure:
                yield Failure(unit, failure)
            if unit.approach:
                on_done(unit)


def _computed(units: list[Unit], store: Store, workers: int, until: float) -> Iterator[tuple[Unit, str]]:
    """Units with an empty text or the reason of a failure, in the order of completion.

    A worker is forked from a server that has the libraries loaded, and ends with its unit: its peak of memory is the
    unit's.
    """
    if time.monotonic() >= until:
        yield from ((unit, _NO_TIME) for unit in units)
        return
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_PRELOADED)
    with ProcessPoolExecutor(workers, mp_context=context, max_tasks_per_child=1) as pool:
        running: dict[Future[str], Unit] = {pool.submit(_compute, unit, store.folder, until): unit for unit in units}
        for future in as_completed(running):
            yield running[future], future.result()


def _compute(unit: Unit, folder: Path, until: float) -> str:
    """Computes and stores one unit; the reason where that is impossible."""
    import warnings

    import torch

    if time.monotonic() >= until:
        return _NO_TIME
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")  # raised by the libraries that are compared
    store = Store(folder)
    try:
        store.write(unit, compute(unit, store.gains(unit)))
    except BenchError as error:
        return f"{error}{f' (hint: {error.hint})' if error.hint else ''}"
    return ""


def compute(unit: Unit, gains: Gains | None = None) -> Row | Gains:
    """Runs one unit in this process.

    Args:
        unit: The unit.
        gains: True gains of its draw, where they are known.
    """
    trade = draw(unit.size, unit.seed, gains)
    return find(unit.approach).run(trade) if unit.approach else trade.gains
