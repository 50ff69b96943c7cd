"""A pricing process for lines of text, without torch: ``python -m tests.kit.line_process``.

A line ``burn`` computes for ever, ``hang`` waits for ever, ``crash`` ends the process, ``eat`` takes all memory,
``stumble`` meets an error that nobody foresaw, and ``work`` computes for 1.1 seconds. ``attack`` does what code in a
stranger's file would do, and has the names of what succeeded.
"""

import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from ctypes.util import find_library
from pathlib import Path
from typing import BinaryIO

from assay.protocol.schema import Schema
from assay_oracle.appraisers import sandbox
from assay_oracle.appraisers.cache import RecordCache
from assay_oracle.appraisers.inline import InlineAppraiser
from assay_oracle.appraisers.worker import Worker
from assay_oracle.cli.process_limits import leave_stops_to_daemon, limit_cpu, limit_memory, standard_channel
from tests.kit.blind import LINE_BLIND
from tests.kit.data import LinePrices, Lines, parse_lines

SECRET = Path(os.environ.get("SECRET", "secret"))
"""Outside of everything that the process may read, as the oracle's data folder is."""
LOADING = float(os.environ.get("LOADING", "0"))
"""CPU seconds that loading the price function takes."""
ARTIFACTS = [Path(folder) for folder in sys.argv[1:]]


def attacks() -> dict[str, Callable[[], object]]:
    """What must fail, and in ``allowed`` what must not."""
    daemon, artifact = os.getppid(), ARTIFACTS[0]
    return {
        "read a secret": SECRET.read_bytes,
        "list a folder": lambda: os.listdir(SECRET.parent),
        "read the daemon's environment": lambda: Path(f"/proc/{daemon}/environ").read_bytes(),
        "read the daemon's memory": lambda: open(f"/proc/{daemon}/mem", "rb"),
        "write to its artifact": lambda: (artifact / "new").touch(),
        "write to a file": lambda: open("/dev/null", "wb"),
        "delete": lambda: (artifact / "file").unlink(),
        "change a mode": lambda: SECRET.chmod(0o777),
        "connect": lambda: socket.create_connection(("127.0.0.1", 1)),
        "open a socket": lambda: socket.socket(socket.AF_UNIX),
        "start a program": lambda: subprocess.run(["true"]),
        "fork": lambda: os.fork() or os._exit(0),
        "end the daemon": lambda: os.kill(daemon, 0),
        "limit the daemon": lambda: resource.prlimit(daemon, resource.RLIMIT_NOFILE),
        "slow the daemon": lambda: os.setpriority(os.PRIO_PROCESS, daemon, 19),
        "take more memory": lambda: resource.setrlimit(resource.RLIMIT_DATA, (2**33, 2**33)),
    }


def allowed() -> None:
    (ARTIFACTS[0] / "file").read_bytes()
    thread = threading.Thread(target=Path("/dev/urandom").exists)
    thread.start()
    thread.join()
    os.kill(os.getpid(), 0)
    find_library("dl")  # as CUDA's libraries do when torch is imported


def succeeded() -> list[bytes]:
    found = []
    for name, attack in attacks().items():
        try:
            attack()
            found.append(name.encode())
        except (OSError, ValueError) as error:
            if not isinstance(error, PermissionError | ValueError):
                found.append(f"{name}: {error}".encode())
    allowed()
    sys.stderr.write(f"succeeded: {found}\n")
    return found


def parse(source: BinaryIO, schema: Schema) -> Lines:
    found = parse_lines(source, schema)
    if b"attack" in found.lines:
        return Lines([b"confined by " + b", ".join(name.encode() for name in HELD), *succeeded()])
    if b"environment" in found.lines:
        return Lines([name.encode() for name in os.environ])
    if b"crash" in found.lines:
        os._exit(3)
    if b"hang" in found.lines:
        signal.pause()
    if b"stumble" in found.lines:
        raise ZeroDivisionError("secret")
    if b"eat" in found.lines:
        bytearray(2**40)
    if b"work" in found.lines:
        work(1.1)
    while b"burn" in found.lines:
        pass
    return found


def work(seconds: float) -> None:
    ends = time.process_time() + seconds
    while time.process_time() < ends:
        pass


def load(cache: RecordCache) -> InlineAppraiser:
    work(LOADING)
    return InlineAppraiser(LinePrices(), cache, parse=parse, blind=LINE_BLIND)


if __name__ == "__main__":
    leave_stops_to_daemon()
    limit_memory(2**32)
    HELD = sandbox.enter(sys.argv[1:])
    cache = RecordCache(2**20)
    Worker(standard_channel(), lambda _: load(cache), limit_cpu).serve()
