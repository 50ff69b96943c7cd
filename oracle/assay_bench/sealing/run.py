"""The plan of the benchmark: what is measured on which file, and what the figures are made of."""

import hashlib
import json
import os
import secrets
import shutil
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from pydantic import BaseModel, ConfigDict

import assay.protocol
from assay.protocol.batch import ACCELERATED
from assay.protocol.batches import processors
from assay.protocol.seal import keystream
from assay.resumable import check_room, part_path
from assay_bench.measure import MEGABYTE, Run, Steps, finish, run_command
from assay_bench.sealing.peers import end_agent, peer_commands

PIECE_BYTES = 2**20
BOUND_BYTES = 2**30
"""Most bytes of a bound: its rate does not depend on the length."""
SCALING_BYTES = 3 * 2**28
MEMORY_DISK = Path("/dev/shm")  # noqa: S108

Report = Callable[[str], None]


class Figures(BaseModel):
    """One operation. Rates are MB of data in a second; ``mb_per_s`` is in a second of processor time, as the bound is.

    Attributes:
        mb_per_s: With the file that is read in the page cache, as far as it fits there.
        bound_mb_per_s: SHA-256 by hashlib, twice with ChaCha20 by OpenSSL in between (once alone for ``verify``), of
            bytes in memory.
        ratio: ``mb_per_s / bound_mb_per_s``.
        ratio_with_disk: The same, where the bound also reads the file and, but for ``verify``, writes another: the
            system's share of the work.
        clock_mb_per_s: By the clock, on all processors, until the last byte is on disk.
        peak_mb: Peak of memory of the process.
        scaling: Seconds on one processor by seconds on two, of a file in memory; None with one processor.
    """

    model_config = ConfigDict(frozen=True)

    mb_per_s: float
    bound_mb_per_s: float
    ratio: float
    ratio_with_disk: float
    clock_mb_per_s: float
    peak_mb: float
    scaling: float | None


class Peer(BaseModel):
    """Another program that encrypts the same file; rates as in ``Figures``."""

    model_config = ConfigDict(frozen=True)

    mb_per_s: float
    clock_mb_per_s: float
    peak_mb: float


class SealingReport(BaseModel):
    """All figures. ``disk_mb_per_s`` is a plain copy until it is on disk; ``missing`` peers are not installed."""

    model_config = ConfigDict(frozen=True)

    bytes: int
    processors: int
    accelerated: bool
    load: float
    disk_mb_per_s: float
    seal: Figures
    open: Figures
    verify: Figures
    peers: dict[str, Peer]
    missing: list[str]


def run(size: int, folder: Path, rounds: int, report: Report) -> SealingReport:
    """Measures on a file of ``size`` random bytes in ``folder``, which is deleted at the end.

    ``rounds`` are those of one processor and two. An interrupted call is resumed by the same call.

    Raises:
        DiskError: ``folder`` has no room for the file three times.
        MeasurementFailed: A program failed, or what was opened is not what was sealed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    bench = _Bench(size, folder, rounds, report)
    result = bench.run()
    shutil.rmtree(folder)
    return result


def run_worker(processors: int, work: str, *arguments: object) -> Run:
    """Runs a work of ``worker`` on so many processors."""
    command = [sys.executable, "-m", "assay_bench.sealing.worker", str(processors), work, *map(str, arguments)]
    output, _, peak_mb = finish(command)
    return Run(**json.loads(output), peak_mb=peak_mb)


class _Bench:
    def __init__(self, size: int, folder: Path, rounds: int, report: Report) -> None:
        self._size = size
        self._folder = folder
        self._rounds = rounds
        self._report = report
        self._processors = processors()
        of = {"size": size, "processors": self._processors, "accelerated": ACCELERATED, "code": _fingerprint()}
        self._steps = Steps(folder / "steps.json", of)

    def run(self) -> SealingReport:
        data, sealed = self._folder / "data", self._folder / "data.sealed"
        if not data.exists() or data.stat().st_size != self._size:
            check_room(self._folder, 3 * self._size)
            self._report("writing the file")
            _write_random(data, self._size)
        if not sealed.exists():
            self._steps.forget("seal")
        key, opened, copied = self._folder / "key", self._folder / "opened", self._folder / "copied"
        disk = self._step("copy", partial(self._worker, "copy", data, copied), copied)
        copied.unlink(missing_ok=True)
        read = self._step("read", partial(self._worker, "read", data))
        scaling = self._scaling() if self._processors > 1 else {}

        def figures(name: str, passes: int, disk: Run, arguments: tuple[Path, ...], *targets: Path) -> Figures:
            bounds = [self._bound(passes, f"before {name}")]
            if name not in self._steps:
                self._worker("read", arguments[0])
            found = self._step(name, partial(self._worker, name, *arguments), *targets)
            bounds.append(self._bound(passes, f"after {name}"))
            return self._figures(found, sum(bounds) / 2, disk, scaling.get(name))

        sealing = figures("seal", 2, disk, (data, sealed, key), sealed, key)
        verifying = figures("verify", 1, read, (sealed,))
        opening = figures("open", 2, disk, (sealed, opened, key), opened)
        opened.unlink(missing_ok=True)
        peers, missing = self._peers(data)
        return SealingReport(
            bytes=self._size,
            processors=self._processors,
            accelerated=ACCELERATED,
            load=round(os.getloadavg()[0], 2),
            disk_mb_per_s=self._rate(disk.clock),
            peers=peers,
            missing=missing,
            seal=sealing,
            open=opening,
            verify=verifying,
        )

    def _worker(self, work: str, *arguments: object) -> Run:
        return run_worker(self._processors, work, *arguments)

    def _step(self, name: str, measure: Callable[[], Run], *targets: Path) -> Run:
        if name not in self._steps:
            self._report(name)
            for target in targets:
                target.unlink(missing_ok=True)
                part_path(target).unlink(missing_ok=True)
        return self._steps.once(name, measure)

    def _bound(self, passes: int, when: str) -> float:
        """MB in a second of processor time."""
        length = min(self._size, BOUND_BYTES)
        found = self._step(f"bound {when}", partial(self._worker, "bound", length, passes))
        return -(-length // PIECE_BYTES) * PIECE_BYTES / MEGABYTE / found.processors

    def _figures(self, found: Run, bound: float, disk: Run, scaling: float | None) -> Figures:
        rate = self._size / MEGABYTE / found.processors
        return Figures(
            mb_per_s=round(rate, 1),
            bound_mb_per_s=round(bound, 1),
            ratio=round(rate / bound, 3),
            ratio_with_disk=round(rate * (1 / bound + disk.processors * MEGABYTE / self._size), 3),
            clock_mb_per_s=self._rate(found.clock),
            peak_mb=round(found.peak_mb, 1),
            scaling=None if scaling is None else round(scaling, 2),
        )

    def _rate(self, seconds: float) -> float:
        return round(self._size / MEGABYTE / seconds, 1)

    def _scaling(self) -> dict[str, float]:
        """Seconds on one processor by seconds on two: the best of some rounds that take turns."""
        size = min(self._size, SCALING_BYTES)
        home = MEMORY_DISK if os.access(MEMORY_DISK, os.W_OK) and _free(MEMORY_DISK) > 4 * size else self._folder
        folder = home / f"assay-bench-{os.getuid()}-{os.getpid()}"
        best: dict[tuple[str, int], float] = {}
        try:
            for turn in range(self._rounds):
                for processors in (1, 2):
                    for work in ("seal", "verify", "open"):
                        name = f"{work} on {processors} of 2 processors, {turn + 1}"
                        found = self._step(name, _in_memory(folder, size, work, processors))
                        best[work, processors] = min(found.clock, best.get((work, processors), found.clock))
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return {work: best[work, 1] / best[work, 2] for work in ("seal", "verify", "open")}

    def _peers(self, data: Path) -> tuple[dict[str, Peer], list[str]]:
        target, home = self._folder / "peer", self._folder / "gnupg"
        home.mkdir(mode=0o700, exist_ok=True)
        programs = peer_commands(data, target, home)
        missing = [name for name, command in programs.items() if shutil.which(command[0]) is None]
        pyrage = partial(self._worker, "pyrage", data, target)
        runs = {"age (pyrage)": self._step("pyrage", pyrage, target)}
        for name in programs.keys() - set(missing):
            runs[name] = self._step(name, partial(run_command, programs[name]), target)
        end_agent(home)
        return {name: self._peer(found) for name, found in runs.items()}, missing

    def _peer(self, found: Run) -> Peer:
        rate = self._rate(found.processors)
        return Peer(mb_per_s=rate, clock_mb_per_s=self._rate(found.clock), peak_mb=round(found.peak_mb, 1))


def _in_memory(folder: Path, size: int, work: str, processors: int) -> Callable[[], Run]:
    data, sealed, opened, key = (folder / name for name in ("data", "sealed", "opened", "key"))

    def measure() -> Run:
        folder.mkdir(mode=0o700, exist_ok=True)
        if not data.exists():
            _write_random(data, size)
        if work == "seal" or not sealed.exists():
            sealed.unlink(missing_ok=True)
            key.unlink(missing_ok=True)
            found = run_worker(processors, "seal", data, sealed, key)
        if work == "verify":
            found = run_worker(processors, "verify", sealed)
        if work == "open":
            found = run_worker(processors, "open", sealed, opened, key)
            opened.unlink()
        return found

    return measure


def _write_random(path: Path, size: int) -> None:
    """Writes bytes that no program can compress."""
    stream = keystream(secrets.token_bytes(32))
    with path.open("wb") as file:
        for start in range(0, size, PIECE_BYTES):
            file.write(stream(bytes(min(PIECE_BYTES, size - start))))
        file.flush()
        os.fsync(file.fileno())


def _free(folder: Path) -> int:
    return shutil.disk_usage(folder).free


def _fingerprint() -> str:
    """Digest of the code that is measured."""
    package = Path(str(assay.protocol.__file__)).parent
    files = [*sorted(package.rglob("*.py")), *sorted(package.parent.glob("*.py"))]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
