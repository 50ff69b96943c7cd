"""``assay seal`` and ``assay open`` killed with SIGKILL at random points, and run again: no byte is wrong or lost.

Every kill repeats at most 2 % of the work, or the few batches that were in memory where these are more. Batches that
were not flushed to disk are read again, to check them; they are not made again.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from assay.protocol.seal import keystream
from assay.protocol.tree import BATCH_BYTES, Layout
from assay.resumable import part_path

pytestmark = pytest.mark.integration

IN_MEMORY = 8
"""Batches that two processors have in memory at most; each more adds three."""


@dataclass
class Killed:
    """A run that was killed: batches that it had read, those that were kept, and of these the ones not flushed."""

    read: float
    kept: int
    unflushed: int


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "assay", *map(str, arguments)]


def bytes_read(process: int) -> int:
    fields = dict(line.split(": ") for line in Path(f"/proc/{process}/io").read_text().splitlines())
    return int(fields["rchar"])


def has_open(process: int, path: Path) -> bool:
    with suppress(OSError):
        return any(os.readlink(link) == str(path) for link in Path(f"/proc/{process}/fd").iterdir())
    return False


def counts(out: Path) -> tuple[int, int]:
    """Batches that the state of an unfinished file records as written, and those not flushed; 0 without one."""
    try:
        found = json.loads(out.with_name(f".{out.name}.state").read_bytes()[:512])
    except (OSError, ValueError):
        return 0, 0
    return int(found["written"]), int(found["written"]) - int(found["synced"])


def kill(arguments: list[str], out: Path, after: int) -> Killed | None:
    """Kills a command once it has recorded so many batches; None if it ends before."""
    with subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        began: int | None = None
        while process.poll() is None:
            if began is None and has_open(process.pid, part_path(out)):
                began = bytes_read(process.pid)
            if began is not None and counts(out)[0] >= after:
                os.kill(process.pid, signal.SIGSTOP)
                read = bytes_read(process.pid) - began
                process.kill()
                process.wait()
                return Killed(read / BATCH_BYTES, *counts(out))
            time.sleep(0.0005)
    assert process.returncode == 0
    return None


def crash(arguments: list[str], out: Path, batches: int, points: int, chance: random.Random) -> Iterator[Killed]:
    """Kills a command at random points, one after the other, and then lets it end."""
    for after in sorted(chance.randrange(batches) for _ in range(points)):
        found = kill(arguments, out, after)
        if found is None:
            return
        assert not out.exists()
        yield found
    subprocess.run(arguments, check=True, capture_output=True)


def check(
    arguments: list[str], out: Path, batches: int, points: int, chance: random.Random, *, first: float, compared: int
) -> int:
    """Number of kills, none of which repeats too much; the first run reads ``first`` batches more, for all of them.

    A run reads what was not flushed before it from ``compared`` files, with a 64th of index, and nothing else again.
    """
    most = max(0.02 * batches, IN_MEMORY + 3 * max(0, len(os.sched_getaffinity(0)) - 2))
    begin, kills, to_check = 0, 0, 0
    for killed in crash(arguments, out, batches, points, chance):
        assert killed.kept >= begin, "what was kept once is kept"
        checked = to_check * compared * 65 / 64
        assert killed.read - (killed.kept - begin) <= most + checked + (0 if kills else first)
        begin, kills, to_check = killed.kept, kills + 1, killed.unflushed
    return kills


@pytest.mark.parametrize(
    ("mebibytes", "points"), [(24, 2), pytest.param(640, 20, marks=pytest.mark.slow)], ids=["short", "long"]
)
def test_killed_and_run_again(tmp_path: Path, mebibytes: int, points: int) -> None:
    seed = 12
    chance, stream = random.Random(seed), keystream(bytes(32))
    data, sealed, key, opened = (tmp_path / name for name in ("data", "data.sealed", "data.key", "opened"))
    with data.open("wb") as file:
        for _ in range(mebibytes):
            file.write(stream(bytes(2**20)))
        file.write(b"end")

    kills = check(command("seal", data), sealed, mebibytes, points, chance, first=0, compared=1)
    index = Layout.of_data(data.stat().st_size, 4096).body_offset / BATCH_BYTES
    open_ = command("open", sealed, "--key", key, "--out", opened)
    kills += check(open_, opened, mebibytes, points, chance, first=index, compared=2)
    assert kills >= points, "most points come before the end"
    subprocess.run(["cmp", data, opened], check=True)
    subprocess.run(command("verify", sealed), check=True, capture_output=True)
    assert {path.name for path in tmp_path.iterdir()} == {"data", "data.sealed", "data.key", "opened"}


ENDED_AT_A_LINE = """
import os, sys, threading
from assay.cli.main import main
from assay.protocol import resealing, seal
from assay.protocol.batch import transfer
from assay import files, resumable, sealed_files

FILES = {each.__file__ for each in (files, resealing, resumable, seal, sealed_files, transfer)}
left = int(sys.argv[1])
resumable._SYNC_EVERY = 1

def trace(frame, event, _):
    global left
    if frame.f_code.co_filename not in FILES:
        return None
    if event == "line":
        left -= 1
        if not left:
            os._exit(9)
    return trace

threading.settrace(trace)
sys.settrace(trace)
main(sys.argv[2:])
"""


@pytest.mark.slow
def test_ended_at_any_line_and_run_again(tmp_path: Path) -> None:
    chance, stream = random.Random(12), keystream(bytes(32))
    data, sealed, key, opened = (tmp_path / name for name in ("data", "data.sealed", "data.key", "opened"))
    data.write_bytes(stream(bytes(3 * 2**20 + 77)))
    steps = [("seal", data), sealed], [("open", sealed, "--key", key, "--out", opened), opened]
    kills = 0
    for _ in range(20):
        for made in (sealed, key, opened):
            made.unlink(missing_ok=True)
        for arguments, made in steps:
            for line in (chance.randrange(1, 700), chance.randrange(1, 700)):
                if not made.exists():
                    traced = [sys.executable, "-c", ENDED_AT_A_LINE, str(line), *map(str, arguments)]
                    kills += subprocess.run(traced, capture_output=True, check=False).returncode == 9
            if not made.exists():
                subprocess.run(command(*arguments), check=True, capture_output=True)
        subprocess.run(["cmp", data, opened], check=True)
    assert kills > 20, "most of these lines come before the end"
