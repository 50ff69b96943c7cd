"""What one trade costs: processor time, bytes, messages and memory."""

import resource
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

import numpy as np

from assay_bench.comparison.figures import Figure, Practicality, measured, undefined
from assay_bench.comparison.trade import Trade
from assay_bench.measure import MEGABYTE
from assay_bench.pricing.data.dataset import Dataset

NO_CHAIN = undefined("no contract takes part")


class Meter:
    """Counts while it is entered; it may be entered several times. Attacks are run outside of it."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.bytes_sent = 0
        self.messages = 0
        self.gas = 0
        self.memory_mb = 0.0

    def __enter__(self) -> Self:
        self._peak = _peak_mb()
        self._start = time.process_time()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.seconds += time.process_time() - self._start
        self.memory_mb += _peak_mb() - self._peak

    def sent(self, size: int) -> None:
        """One message of so many bytes went from one party to another."""
        self.bytes_sent += size
        self.messages += 1

    def practicality(
        self, trade: Trade, online: Sequence[str], gas: Figure = NO_CHAIN, setup: float = 0.0
    ) -> Practicality:
        """The column, as measured.

        Args:
            trade: Whose training is the unit of ``trainings``.
            online: Who has to answer while the trade runs.
            gas: Of all transactions, where a contract takes part.
            setup: Processor time of what was done once for the model, before the trade.
        """
        return Practicality(
            setup_seconds=measured(setup),
            seconds=measured(self.seconds),
            trainings=measured(self.seconds / trade.training_seconds),
            bytes_sent=measured(self.bytes_sent),
            memory_mb=measured(self.memory_mb),
            rounds=measured(self.messages),
            gas=gas,
            online=tuple(online),
        )


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / MEGABYTE


def size_of(data: Dataset) -> int:
    """Bytes of records as they are sent: features in single precision, a label of one byte."""
    return int(data.x.astype(np.float32).nbytes + len(data))
