"""What is measured, and what the figures are made of. Every appraisal is the operator's command in its own process."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict

from assay_bench.errors import MeasurementFailed
from assay_bench.measure import OPERATOR, Run, Steps, run_command
from assay_bench.pricing.scorers.libraries import LIBRARIES
from assay_bench.scaling.table import fit_function, write_offer

LINEAR_FROM = 10_000
"""Records from which time is to grow with the size of the offer; below, start-up is most of it."""
PEER_SIZES = (1000, 10_000, 100_000)
SECONDS_OF_A_PEER = 300.0
_PEER = (sys.executable, "-m", "assay_bench.scaling.peers")
_START_SECONDS = 60.0

Report = Callable[[str], None]


class Point(BaseModel):
    """One appraisal: seconds by the clock, start-up included, those of all processors, and the peak of memory in MB."""

    model_config = ConfigDict(frozen=True)

    n: int
    seconds: float
    processor_seconds: float
    peak_mb: float

    @classmethod
    def of(cls, n: int, run: Run) -> "Point":
        """The figures of a run."""
        return cls(
            n=n, seconds=round(run.clock, 2), processor_seconds=round(run.processors, 2), peak_mb=round(run.peak_mb)
        )


class ScalingReport(BaseModel):
    """All figures.

    Attributes:
        processors: Of the machine.
        load: Before the first appraisal.
        points: Appraisals in the order of their size.
        exponent: Of n in the seconds of offers of 10,000 records and more, by least squares of logarithms; None with
            fewer than two of them.
        dask_speedup: Seconds with one Dask worker over seconds with two; None where it was not measured.
        peers: Points of other libraries, by name; they end before one would take longer than five minutes.
    """

    model_config = ConfigDict(frozen=True)

    processors: int
    load: float
    points: tuple[Point, ...]
    exponent: float | None
    dask_speedup: float | None
    peers: dict[str, tuple[Point, ...]]


def run(
    sizes: Sequence[int], on_dask: int | None, folder: Path, report: Report, *, peers: bool = True
) -> ScalingReport:
    """Measures in ``folder``, which keeps what was measured by a run that was interrupted, and is deleted at the end.

    Args:
        sizes: Records of the offers.
        on_dask: Records of the offer that one and two Dask workers price; None measures none.
        folder: For the price function and the offers.
        report: Told what is measured next.
        peers: Measure other libraries, too.

    Raises:
        MeasurementFailed: A command failed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    load, code = round(os.getloadavg()[0], 2), _fingerprint()
    function, offer = folder / f"price-{code[:8]}", folder / "offer.parquet"
    steps = Steps(folder / "steps.json", {"code": code, "processors": os.cpu_count()})
    if not function.exists():
        report("fitting the price function")
        fit_function(function)

    def appraised(name: str, n: int, *options: str) -> Point:
        def measure() -> Run:
            report(f"appraising {name}")
            write_offer(offer, n, seed=2)
            return run_command([*OPERATOR, "appraise", str(function), str(offer), "--json", *options])

        return Point.of(n, steps.once(name, measure))

    points = [appraised(f"{n:,} records", n) for n in sorted(sizes)]
    speedup = None
    if on_dask is not None:
        seconds = []
        for workers in (1, 2):
            with cluster(workers, folder) as address:
                name = f"{on_dask:,} records on a cluster, workers: {workers}"
                seconds.append(appraised(name, on_dask, "--scheduler", address).seconds)
        speedup = round(seconds[0] / seconds[1], 2)
    found = ScalingReport(
        processors=os.cpu_count() or 1,
        load=load,
        points=tuple(points),
        exponent=exponent(points),
        dask_speedup=speedup,
        peers={name: tuple(_peer_points(name, steps, report)) for name in LIBRARIES if peers and find_spec(name)},
    )
    shutil.rmtree(folder)
    return found


def _fingerprint() -> str:
    """SHA-256 over the sources that the figures depend on."""
    roots = (
        Path(__file__).parents[2] / package
        for package in ("assay_pricing", "assay_oracle/owner", "assay_bench/scaling")
    )
    files = sorted(file for root in roots for file in root.rglob("*.py"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def exponent(points: Sequence[Point]) -> float | None:
    """See ``ScalingReport.exponent``."""
    large = [point for point in points if point.n >= LINEAR_FROM]
    if len(large) < 2:
        return None
    n, seconds = (np.log([getattr(point, name) for point in large]) for name in ("n", "seconds"))
    return round(float(np.polyfit(n, seconds, 1)[0]), 3)


@contextmanager
def cluster(workers: int, folder: Path) -> Iterator[str]:
    """The address of a Dask scheduler on this machine with so many workers of one thread each.

    Raises:
        MeasurementFailed: It does not start in a minute.
    """
    written = folder / "scheduler.json"
    written.unlink(missing_ok=True)
    programs = [("scheduler", "--port", "0", "--no-dashboard", "--scheduler-file", str(written))]
    programs += [("worker", "--nthreads", "1", "--no-dashboard", "--scheduler-file", str(written))] * workers
    started: list[subprocess.Popen[bytes]] = []
    try:
        for program in programs:
            command = [sys.executable, "-m", "dask", *program]
            started.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))  # noqa: S603
        yield _address(written, workers)
    finally:
        for process in reversed(started):
            process.terminate()
        for process in started:
            process.wait()


def _address(written: Path, workers: int) -> str:
    """The scheduler's address, once its workers have come."""
    from distributed import Client

    end = time.monotonic() + _START_SECONDS
    while not written.exists():
        if time.monotonic() > end:
            raise MeasurementFailed(f"expected a Dask scheduler in {_START_SECONDS:.0f} s, none came")
        time.sleep(0.1)
    address = str(json.loads(written.read_text())["address"])
    with Client(address, set_as_default=False) as client:  # type: ignore[no-untyped-call]
        client.wait_for_workers(workers, timeout=_START_SECONDS)
    return address


def _peer_points(name: str, steps: Steps, report: Report) -> Iterator[Point]:
    for n in PEER_SIZES:
        report(f"{name} on {n:,} records")
        try:
            run = steps.once(f"{name}, {n:,} records", partial(run_command, [*_PEER, name, str(n)]))
            point = Point.of(n, run)
        except MeasurementFailed as error:
            report(f"{name} ended: {str(error).splitlines()[-1][:200]}")
            return
        yield point
        if point.seconds > SECONDS_OF_A_PEER / 10:  # the next offer has ten times as many records
            return
