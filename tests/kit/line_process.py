"""A pricing process for lines of text, without torch: ``python -m tests.kit.line_process``.

A line ``burn`` computes for ever, ``hang`` waits for ever, ``crash`` ends the process, ``eat`` takes all memory,
``stumble`` meets an error that nobody foresaw, and ``work`` computes for 1.1 seconds.
"""

import os
import signal
import time
from typing import BinaryIO

from assay.protocol.schema import Schema
from assay_oracle.appraisers.cache import RecordCache
from assay_oracle.appraisers.inline import InlineAppraiser
from assay_oracle.appraisers.worker import Worker
from assay_oracle.cli.process_limits import limit_cpu, limit_memory, standard_channel
from tests.kit.data import LinePrices, Lines, parse_lines


def parse(source: BinaryIO, schema: Schema) -> Lines:
    found = parse_lines(source, schema)
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
    ends = time.process_time() + (1.1 if b"work" in found.lines else 0)
    while b"burn" in found.lines or time.process_time() < ends:
        pass
    return found


if __name__ == "__main__":
    limit_memory(2**32)
    cache = RecordCache(2**20)
    Worker(standard_channel(), lambda _: InlineAppraiser(LinePrices(), cache, parse=parse), limit_cpu).serve()
