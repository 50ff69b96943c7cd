"""A run: units in a pool of processes, each result kept as soon as it is there, so that a cut run goes on."""

import json
import multiprocessing
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from pathlib import Path
from typing import Any

from assay_bench.errors import BenchError
from assay_bench.pricing.units import Unit
from assay_pricing.errors import PricingError

Done = Callable[[Unit], None]


class Kept:
    """Results in a folder, one file each."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self, unit: Unit) -> dict[str, Any] | None:
        """A unit's result; None where there is none, or one of other code."""
        try:
            kept = json.loads((self.folder / unit.file).read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return None
        if kept.get("fingerprint") != unit.fingerprint:
            return None
        return dict(kept["result"])

    def write(self, unit: Unit, result: dict[str, Any]) -> None:
        """Keeps a result: the whole file or none of it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=self.folder, suffix=".part", delete=False) as scratch:
            json.dump({"fingerprint": unit.fingerprint, "result": result}, scratch)
        Path(scratch.name).replace(self.folder / unit.file)


def run(units: list[Unit], kept: Kept, cache: Path, workers: int, done: Done) -> Iterator[tuple[Unit, str]]:
    """Computes what is not kept yet.

    Args:
        units: In the order to start them; those that measure time come first, one after the other.
        kept: Where results go.
        cache: Folder of packages and features.
        workers: Processes; each computes on one thread.
        done: Told of every unit that is there, those kept from before included.

    Yields:
        Units that could not be computed, with the reason: data that cannot be had, a surrogate that may not price.
    """
    missing = []
    for unit in units:
        if kept.read(unit) is None:
            missing.append(unit)
        else:
            done(unit)
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=spawn, initializer=_one_thread) as pool:
        for alone, at_once in ((True, 1), (False, workers)):
            queue = (unit for unit in missing if unit.alone == alone)
            for unit, result in _computed(pool, queue, cache, at_once):
                if isinstance(result, str):
                    yield unit, result
                else:
                    kept.write(unit, result)
                done(unit)


def _computed(
    pool: ProcessPoolExecutor, queue: Iterator[Unit], cache: Path, at_once: int
) -> Iterator[tuple[Unit, dict[str, Any] | str]]:
    """Units with their results, or why there are none, as they come; not more of them under way than ``at_once``."""
    running: dict[Future[dict[str, Any] | str], Unit] = {}
    try:
        while True:
            while len(running) < at_once and (following := next(queue, None)) is not None:
                running[pool.submit(_compute, following, cache)] = following
            if not running:
                return
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                yield running.pop(future), future.result()
    finally:
        for future in running:
            future.cancel()


def _one_thread() -> None:
    import warnings

    import torch

    torch.set_num_threads(1)
    warnings.simplefilter("ignore")  # of libraries that the benchmark compares with


def _compute(unit: Unit, cache: Path) -> dict[str, Any] | str:
    """A unit's result, or why there is none."""
    try:
        return unit.run(cache)
    except (BenchError, PricingError) as error:
        return f"{error}{f' (hint: {error.hint})' if error.hint else ''}"
