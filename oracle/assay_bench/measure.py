"""Measurements in child processes, each stored when it is done, so that an interrupted run is resumed."""

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from assay.files import write_whole
from assay_bench.errors import MeasurementFailed

MEGABYTE = 10**6
OPERATOR = (sys.executable, "-m", "assay_oracle")
"""The command ``assay-oracle``."""


class Run(BaseModel):
    """One run of one work: seconds of the clock and of all processors, and the peak of memory."""

    model_config = ConfigDict(frozen=True)

    clock: float
    processors: float
    peak_mb: float


def run_command(command: Sequence[str]) -> Run:
    """Runs a program on all processors."""
    start = time.perf_counter()
    _, used, peak_mb = finish(command)
    return Run(clock=time.perf_counter() - start, processors=used, peak_mb=peak_mb)


def finish(command: Sequence[str]) -> tuple[bytes, float, float]:
    """Output, seconds of the processors and peak of memory in MB of a program.

    Raises:
        MeasurementFailed: It failed.
    """
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:  # noqa: S603
        assert process.stdout is not None
        assert process.stderr is not None
        output, errors = process.stdout.read(), process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise MeasurementFailed(
            f"{command[0]} ended with {process.returncode}: {errors.decode(errors='replace').strip()}"
        )
    return output, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / MEGABYTE


def children_seconds() -> float:
    """Seconds of the processors that children of this process used, of those that ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def processor_seconds() -> float:
    """The same, and those of this process."""
    return time.process_time() + children_seconds()


class Steps:
    """Results by name in a file at ``path``, which serves as long as ``of`` is the same."""

    def __init__(self, path: Path, of: dict[str, Any]) -> None:
        self._path = path
        self._of = of
        self._done: dict[str, Any] = {}
        if path.exists():
            stored = json.loads(path.read_bytes())
            self._done = stored["done"] if stored["of"] == of else {}

    def __contains__(self, name: str) -> bool:
        return name in self._done

    def forget(self, name: str) -> None:
        """The step is measured again."""
        self._done.pop(name, None)

    def once(self, name: str, measure: Callable[[], Run]) -> Run:
        """The stored result of a step; measured now if there is none."""
        if name not in self._done:
            self._done[name] = measure().model_dump()
            write_whole(self._path, json.dumps({"of": self._of, "done": self._done}).encode())
        return Run(**self._done[name])
