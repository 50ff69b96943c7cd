"""Small appraisals end to end: a real daemon on Anvil, sellers who each offer 100 digits: ``make bench-oracle``.

    PYTHONPATH=scripts python -m serving --seconds 600 --workers 2

Writes the figures to ``out/oracle.json``, and ends with 1 if a quote is lost or doubled.
"""

import argparse
import itertools
import json
import math
import os
import shutil
import sys
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from localnet import ROOT, Daemon, anvil

from assay import OracleClient
from assay.chain.interface import Deployment
from assay.protocol.messages import OfferStatus
from assay.protocol.statements import Domain
from serving.market import Market
from serving.measure import lost_and_doubled, memory_of, overhead, processes, processor_seconds
from serving.sellers import Answered, Crowd, Prepared, prepare

OUT = ROOT / "out"
THREADS = 8
"""Sellers at one time."""
WARM_UP = 5.0
RESERVE = 1.5
"""How many times as many offers are ready as the warm-up would need."""
UPLOADS = 30
"""Uploads that are compared with a bare application's."""
TURN = 10.0
"""Seconds of a turn of two daemons whose rates are compared: the machine is as fast for one as for the other."""


class Run:
    """Sales to one daemon."""

    def __init__(self, market: Market, daemon: Daemon, numbers: "itertools.count[int]") -> None:
        self._market = market
        self._daemon = daemon
        self._numbers = numbers
        deployment: Deployment = market.deployment
        self.domain = Domain(chain_id=deployment.chain_id, contract=deployment.address)
        with OracleClient(daemon.url) as client:
            self._recipient = client.info().recipient
        self._crowd = Crowd(daemon.url, THREADS, self.prepared, self.domain)
        self._ready: deque[Prepared] = deque()
        self.answers: list[Answered] = []

    def prepared(self) -> Prepared:
        """The next offer."""
        with suppress(IndexError):
            return self._ready.popleft()
        return self._made()

    def _made(self) -> Prepared:
        number = next(self._numbers)
        return prepare(self._market.offer(number), self._market.model_id, self.domain, self._recipient)

    def warm_up(self) -> float:
        """Offers answered a second, at first."""
        begun = time.monotonic()
        found = self.sell(WARM_UP)
        if not quoted(found):
            raise SystemExit(f"no offer was quoted: {found[-1].state.reason if found else 'none was answered'}")
        return len(found) / (time.monotonic() - begun)

    def make_ready(self, count: float) -> None:
        """Prepares offers up to a count: sellers write and seal files on machines of their own, before they ask."""
        self._ready.extend(self._made() for _ in range(math.ceil(count) - len(self._ready)))

    def sell(self, seconds: float, rate: float | None = None) -> list[Answered]:
        """See ``Crowd.sell``."""
        found = self._crowd.sell(seconds, rate)
        self.answers += found
        return found

    def costs(self) -> dict[int, float]:
        """Processor seconds so far of the daemon, first, and of its pricing processes."""
        return {pid: processor_seconds(pid) for pid in processes(self._daemon)}


def measured(market: Market, folder: Path, seconds: float, workers: int) -> dict[str, Any]:
    """All figures."""
    numbers = itertools.count()
    with market.daemon("main", workers) as daemon:
        run = Run(market, daemon, numbers)
        at_first = run.warm_up()
        uploads = overhead(daemon.url, folder / "bare", [run.prepared() for _ in range(UPLOADS)], run.domain)
        run.make_ready(RESERVE * at_first * seconds)
        before = run.costs()
        with memory_of(daemon) as memory:
            begun = time.monotonic()
            found = run.sell(seconds)
            clock = time.monotonic() - begun
        after = run.costs()
        spent = [after[pid] - before.get(pid, 0.0) for pid in after]
        rate = quoted(found) / clock
        fifth = max(10.0, seconds / 5)
        run.make_ready(fifth * rate / 2)
        calm = run.sell(fifth, rate / 2)
        with market.daemon("single", 1) as other:
            over_one = scaling(run, Run(market, other, numbers), fifth)
        lost, doubled = lost_and_doubled(market.folder / "main/oracle/journal.sqlite", [a.state for a in run.answers])
        asked = len(run.answers)
    latency = [answer.seconds for answer in calm]
    return {
        "processors": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
        "seconds": seconds,
        "workers": workers,
        "offers": asked,
        "quotes_per_second": round(rate, 2),
        "p50_s": round(float(np.percentile(latency, 50)), 3),
        "p99_s": round(float(np.percentile(latency, 99)), 3),
        "memory_growth": round(memory.growth(), 4),
        "overhead": round(uploads, 2),
        "scaling": round(over_one, 2),
        "daemon_ms": round(1000 * spent[0] / len(found), 1),
        "workers_ms": round(1000 * sum(spent[1:]) / len(found), 1),
        "restarted": len(after.keys() - before.keys()),
        "lost": lost,
        "doubled": doubled,
    }


def scaling(several: Run, one: Run, seconds: float) -> float:
    """Rate of a daemon over that of another one, which take turns, for about ``seconds`` each."""
    for run in (several, one):
        run.make_ready(RESERVE * run.warm_up() * seconds)
    counts, clocks = [0, 0], [0.0, 0.0]
    for _ in range(round(seconds / TURN)):
        for place, run in enumerate((several, one)):
            begun = time.monotonic()
            counts[place] += quoted(run.sell(TURN))
            clocks[place] += time.monotonic() - begun
    return counts[0] / clocks[0] / (counts[1] / clocks[1])


def quoted(answers: Sequence[Answered]) -> int:
    """Number of answers with a signed quote."""
    return sum(answer.state.status is OfferStatus.QUOTED for answer in answers)


ROWS = {
    "quotes_per_second": ("quotes a second", ">= 20"),
    "p50_s": ("median seconds to the quote, at half that rate", ""),
    "p99_s": ("99th percentile of them", "< 1"),
    "memory_growth": ("growth of memory over the run", "< 0.05"),
    "overhead": ("an upload's time over a bare FastAPI's", "<= 2"),
    "scaling": ("rate over that of one pricing process", ">= 1.7"),
    "daemon_ms": ("processor ms of the daemon for an offer", ""),
    "workers_ms": ("processor ms of the pricing processes for an offer", ""),
    "restarted": ("pricing processes started anew meanwhile", "0"),
    "lost": ("quotes lost", "0"),
    "doubled": ("quotes doubled", "0"),
}


def table(figures: dict[str, Any]) -> str:
    """The figures for people."""
    head = f"{figures['processors']} processors, load {figures['load']}, {figures['offers']:,} offers\n"
    return "\n".join([head, *(f"{text:52}{figures[name]:>10}  {goal}" for name, (text, goal) in ROWS.items())])


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--seconds", type=float, default=600, help="how long offers are sent as fast as they are answered"
    )
    parser.add_argument("--workers", type=int, default=2, help="pricing processes")
    parser.add_argument("--out", type=Path, default=OUT / "oracle.json", help="file of the figures")
    given = parser.parse_args()
    folder = OUT / "bench-oracle"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with anvil(folder / "anvil.log") as node:
        figures = measured(Market(node, folder), folder, given.seconds, given.workers)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(figures, indent=1) + "\n")
    print(table(figures))
    if figures["lost"] or figures["doubled"]:
        sys.exit(1)
    if figures["restarted"]:
        print(f"the logs are kept in {folder}")
    else:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
