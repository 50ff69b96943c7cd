"""What is measured of a running daemon, and what its ledger says at the end."""

import os
import sqlite3
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import requests
from localnet import ROOT, Daemon

from assay import OracleClient
from assay.protocol.messages import MOST_WAIT_SECONDS, UPLOAD_OFFSET_HEADER, OfferState, OfferStatus
from assay.protocol.statements import Domain
from serving.sellers import PENDING, Prepared

_TICKS = os.sysconf("SC_CLK_TCK")
_QUOTES = "SELECT count(*) FROM quotes WHERE model_id = ? AND content_id = ?"
_PAGE = os.sysconf("SC_PAGE_SIZE")


def processes(daemon: Daemon) -> list[int]:
    """The daemon and its pricing processes."""
    pid = daemon.process.pid
    children = Path(f"/proc/{pid}/task").glob("*/children")
    return [pid, *(int(child) for file in children for child in file.read_text().split())]


def processor_seconds(pid: int) -> float:
    """Processor time of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def resident(pids: Sequence[int]) -> int:
    """Bytes of memory that processes take."""
    return sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE for pid in pids)


@dataclass
class Memory:
    """Memory of a daemon and its pricing processes over time."""

    samples: list[int] = field(default_factory=list)

    def growth(self) -> float:
        """Median of the last tenth over that of the tenth after the first fifth, less 1: what starts, loads first."""
        tenth = max(1, len(self.samples) // 10)
        settled = self.samples[2 * tenth : 3 * tenth] or self.samples
        return statistics.median(self.samples[-tenth:]) / statistics.median(settled) - 1


@contextmanager
def memory_of(daemon: Daemon, every: float = 1.0) -> Iterator[Memory]:
    """Samples the memory in the context."""
    found, ended = Memory(), threading.Event()

    def sample() -> None:
        while not ended.wait(every):
            found.samples.append(resident(processes(daemon)))

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield found
    finally:
        ended.set()
        thread.join()


def overhead(url: str, folder: Path, offers: Sequence[Prepared], domain: Domain) -> float:
    """Median seconds of an upload over those of the same bytes to a bare FastAPI application, in turn."""
    folder.mkdir()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "scripts"), *sys.path])}
    command = [sys.executable, "-m", "serving.bare", str(folder)]
    bare = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    try:
        assert bare.stdout is not None
        port = int(bare.stdout.readline())
        with requests.Session() as session, OracleClient(url) as client:
            return _overhead(session, client, f"http://127.0.0.1:{port}", offers, domain)
    finally:
        bare.kill()
        bare.wait()


def _overhead(
    session: requests.Session, client: OracleClient, bare: str, offers: Sequence[Prepared], domain: Domain
) -> float:
    ours, theirs = [], []
    for number, offer in enumerate(offers):
        party = client.as_party_of(offer.account, domain)
        state = party.open_offer(offer.request)
        token = _token(client.url, offer, domain)
        headers = {"Authorization": f"Bearer {token}", UPLOAD_OFFSET_HEADER: "0"}
        path = f"{client.url}/v1/offers/0x{state.offer_id.hex()}/upload"
        ours.append(_timed(session, path, offer.upload, headers))
        while party.offer(state.offer_id, wait=MOST_WAIT_SECONDS).status in PENDING:
            pass
        theirs.append(_timed(session, f"{bare}/{number}", offer.upload, {}))
    return statistics.median(ours[1:]) / statistics.median(theirs[1:])  # the first ones connect


def _token(url: str, offer: Prepared, domain: Domain) -> str:
    nonce = requests.get(f"{url}/v1/login", timeout=60).json()["nonce"]
    message = domain.login(offer.account.address, url, bytes.fromhex(nonce[2:]))
    signature = "0x" + offer.account.sign_message(message).signature.hex()
    login = {"account": offer.account.address, "oracle": url, "nonce": nonce, "signature": signature}
    return str(requests.post(f"{url}/v1/login", json=login, timeout=60).json()["token"])


def _timed(session: requests.Session, url: str, body: bytes, headers: dict[str, str]) -> float:
    begun = time.perf_counter()
    answer = session.patch(url, data=body, headers=headers, timeout=60)
    answer.raise_for_status()
    return time.perf_counter() - begun


def lost_and_doubled(ledger: Path, states: Sequence[OfferState]) -> tuple[int, int]:
    """Offers whose quote the ledger lacks or states otherwise, and those with more than one evaluation or quote."""
    lost = doubled = 0
    with sqlite3.connect(f"file:{ledger}?mode=ro", uri=True) as database:
        for state in states:
            evaluations = database.execute(
                "SELECT model_id, content_id, price FROM evaluations WHERE offer_id = ?", (state.offer_id,)
            ).fetchall()
            quotes = [database.execute(_QUOTES, row[:2]).fetchone() for row in evaluations]
            count = sum(number for (number,) in quotes)
            doubled += len(evaluations) > 1 or count > 1
            if state.status is OfferStatus.QUOTED:
                price = state.quote.price if state.quote else None
                lost += not count or price not in [int(row[2]) for row in evaluations]
            else:
                lost += not evaluations
    return lost, doubled
