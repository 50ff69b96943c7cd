"""A run: every unit in a process of its own, each result stored at once, so that a run can be resumed."""

import math
import multiprocessing
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from assay_bench.comparison.approaches import find
from assay_bench.comparison.figures import Row
from assay_bench.comparison.store import Store, Unit
from assay_bench.comparison.trade import Gains, draw
from assay_bench.errors import BenchError
from assay_bench.measure import processor_seconds

_PRELOADED = ["assay_bench.comparison.copying", "assay_bench.comparison.fairness", "sklearn.datasets", "torch._dynamo"]
_SHOWN = 300
NO_TIME = "no time was left"


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

    A unit's process is forked from a server that has the libraries loaded, and ends with its unit: its peak of memory
    is the unit's, and its end takes no other unit with it.
    """
    multiprocessing.get_context("forkserver").set_forkserver_preload(_PRELOADED)
    with ThreadPoolExecutor(workers) as pool:
        running: dict[Future[str], Unit] = {pool.submit(_in_process, unit, store.folder, until): unit for unit in units}
        try:
            for future in as_completed(running):
                yield running[future], future.result()
        finally:
            for future in running:
                future.cancel()  # an interrupted run starts nothing more


def _in_process(unit: Unit, folder: Path, until: float) -> str:
    """Computes and stores one unit in a process of its own; the reason where that is impossible."""
    if time.monotonic() >= until:
        return NO_TIME
    context = multiprocessing.get_context("forkserver")
    reader, writer = context.Pipe(duplex=False)
    with reader:
        child = context.Process(target=_compute, args=(unit, folder, writer))
        with writer:
            child.start()
        try:
            return str(reader.recv())
        except EOFError:  # killed
            child.join()
            return f"its process ended with {child.exitcode}"
        finally:
            child.join()


def _compute(unit: Unit, folder: Path, answer: Connection) -> None:
    """Computes and stores one unit; answers with the reason where that is impossible, whatever it is."""
    import warnings

    import torch

    torch.set_num_threads(1)
    warnings.simplefilter("ignore")  # raised by the libraries that are compared
    store = Store(folder)
    try:
        result = compute(unit, store.gains(unit))
        store.write(unit, result, processor_seconds())
    except BenchError as error:
        answer.send(f"{error}{f' (hint: {error.hint})' if error.hint else ''}")
    except Exception as error:  # a fault of one row must not cost the others
        place = traceback.extract_tb(error.__traceback__)[-1]
        said = " ".join(str(error).split())[:_SHOWN]
        answer.send(f"{type(error).__name__}: {said} ({Path(place.filename).name}, line {place.lineno})")
    else:
        answer.send("")


def compute(unit: Unit, gains: Gains | None = None) -> Row | Gains:
    """Runs one unit in this process.

    Args:
        unit: The unit.
        gains: True gains of its draw, where they are known.
    """
    approach = find(unit.approach) if unit.approach else None  # a row without its library fails before the draw
    trade = draw(unit.size, unit.seed, gains)
    return approach.run(trade) if approach else trade.gains
