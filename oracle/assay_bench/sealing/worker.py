"""One measurement in a process of its own, whose peak of memory is then that of the measured work alone.

Called as ``python -m assay_bench.sealing.worker PROCESSORS WORK ARGUMENTS...``; prints seconds, of the clock and of the
processors, as JSON.
"""

import hashlib
import json
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from pathlib import Path

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20

PIECE_BYTES = 2**20


def no_progress(_: str, __: int) -> AbstractContextManager[Callable[[int], None]]:
    """Shows nothing."""
    return nullcontext(lambda _: None)


def bound(length: str, passes: str) -> None:
    """SHA-256 of ``length`` bytes in memory, ``passes`` times; with two of them, ChaCha20 in between."""
    threads = len(os.sched_getaffinity(0))
    pieces = -(-int(length) // PIECE_BYTES)

    def work(thread: int) -> None:
        piece = bytearray(PIECE_BYTES)
        cipher = Cipher(ChaCha20(bytes(32), bytes(16)), mode=None).encryptor()
        for _ in range(thread, pieces, threads):
            hashlib.sha256(piece).digest()
            if passes == "2":
                cipher.update_into(piece, piece)
                hashlib.sha256(piece).digest()

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, range(threads)))


def copy(source: str, target: str) -> None:
    """Copies a file and waits until it is on disk: what the disk allows."""
    with open(source, "rb") as data, open(target, "wb") as out:
        while piece := data.read(PIECE_BYTES):
            out.write(piece)
        out.flush()
        os.fsync(out.fileno())


def read(source: str) -> None:
    """Reads a file."""
    room = bytearray(PIECE_BYTES)
    with open(source, "rb", buffering=0) as data:
        while data.readinto(room):
            pass


def seal(source: str, target: str, key: str) -> None:
    """As ``assay seal``."""
    from assay.protocol.seal import DEFAULT_CHUNK_SIZE
    from assay.sealed_files import seal_file

    seal_file(Path(source), Path(target), Path(key), DEFAULT_CHUNK_SIZE, no_progress)


def open_(source: str, target: str, key: str) -> None:
    """As ``assay open``."""
    from assay.sealed_files import open_file, read_key

    open_file(Path(source), read_key(Path(key)), Path(target), no_progress)


def verify(source: str) -> None:
    """As ``assay verify``."""
    from assay.protocol.seal import check_chunks

    with open(source, "rb") as sealed:
        check_chunks(sealed)


def pyrage(source: str, target: str) -> None:
    """Encrypts a file by age, in its Rust implementation."""
    from pyrage import encrypt_file, x25519

    encrypt_file(source, target, [x25519.Identity.generate().to_public()])


LIBRARIES = {
    "seal": "assay.sealed_files",
    "open": "assay.sealed_files",
    "verify": "assay.protocol.seal",
    "pyrage": "pyrage",
}
"""What a work imports, before the clock starts."""
WORK: dict[str, Callable[..., None]] = {
    "bound": bound,
    "copy": copy,
    "read": read,
    "seal": seal,
    "open": open_,
    "verify": verify,
    "pyrage": pyrage,
}


def main(processors: str, work: str, *arguments: str) -> None:
    """Runs ``work`` on the first so many of the processors that this process may use."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: int(processors)])
    if work in LIBRARIES:
        import_module(LIBRARIES[work])
    clock, used = time.perf_counter(), time.process_time()
    WORK[work](*arguments)
    seconds = {"clock": time.perf_counter() - clock, "processors": time.process_time() - used}
    sys.stdout.write(json.dumps(seconds))


if __name__ == "__main__":
    main(*sys.argv[1:])
