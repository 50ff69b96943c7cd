"""The oracle of a run: one daemon on SQLite, or two on PostgreSQL behind one address."""

import resource
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

from demo import commands
from localnet import Daemon, Node

from assay.protocol.types import ModelId
from chaos.clients import Command
from chaos.line import Line, port_of
from chaos.power import Power
from chaos.stage import CONFIRMATIONS, ORACLE, RECORD

MINING_SECONDS = 0.5
_MANY = "1000000"
_SETTINGS = {
    "POLL_SECONDS": "0.1",
    "CONFIRMATIONS": str(CONFIRMATIONS),
    "PRICING_WORKERS": "1",
    **dict.fromkeys(("REQUESTS_PER_SECOND", "ADDRESS_REQUESTS_PER_SECOND", "LOGINS_PER_MINUTE"), _MANY),
}


class Replica:
    """A daemon that can be killed, frozen, and refused the disk; started again, it goes on."""

    def __init__(self, daemon: Daemon, power: Power | None = None) -> None:
        self._daemon = daemon
        self._power = power
        self._lock = threading.Lock()
        self._ended = False

    def start(self) -> None:
        """Starts it, unless it runs."""
        with self._lock:
            if not self._ended and not self._runs():
                self._daemon.start()

    def kill(self) -> None:
        """Ends it as a crash does."""
        with self._lock:
            if self._runs():
                self._daemon.kill()

    def cut_power(self) -> None:
        """Kills it, and takes what was not synced from its disk; where replicas share the files, only kills it."""
        with self._lock:
            if self._runs():
                self._daemon.kill()
                if self._power:
                    self._power.cut()

    def end(self) -> None:
        """Ends it for good."""
        with self._lock:
            self._ended = True
            if self._runs():
                self._daemon.kill()

    def signal(self, number: int) -> None:
        """Sends a signal to it, if it runs."""
        with self._lock:
            if self._runs():
                self._daemon.process.send_signal(number)

    def limit_files(self, limit: int) -> None:
        """Lets it write no file beyond ``limit`` bytes; -1 is no limit."""
        with self._lock:
            if self._runs():
                resource.prlimit(self._daemon.process.pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))

    def pricing_processes(self) -> list[int]:
        """Its children."""
        with self._lock:
            if not self._runs():
                return []
            children = Path(f"/proc/{self._daemon.process.pid}/task").glob("*/children")
            return [int(child) for file in children for child in file.read_text().split()]

    def _runs(self) -> bool:
        return hasattr(self._daemon, "process") and self._daemon.process.poll() is None


class Town:
    """Everything that a fault can strike: the chain, its line, the replicas, the line to them, parties' commands."""

    def __init__(self, node: Node, to_node: Line, to_oracle: Line, replicas: list[Replica]) -> None:
        self.node = node
        self.to_node = to_node
        self.to_oracle = to_oracle
        self.replicas = replicas
        self.selling: list[Command] = []
        self.buying: list[Command] = []

    def any_replica(self, random: Random) -> Replica:
        """One of them."""
        return random.choice(self.replicas)

    def heal(self) -> None:
        """Takes every fault back."""
        self.to_node.heal()
        self.to_oracle.heal()
        for replica in self.replicas:
            replica.signal(signal.SIGCONT)
            replica.limit_files(resource.RLIM_INFINITY)
            replica.start()


@contextmanager
def town(node: Node, folder: Path, models: list[ModelId], ledger: str | None, durable: Path) -> Iterator[Town]:
    """Starts one daemon, or two on the PostgreSQL database at ``ledger``; ends them at the end.

    ``durable`` is the library of ``power.build``.
    """
    (folder / "deployments").mkdir()
    (folder / commands.RECORD).symlink_to(folder / RECORD)
    with Line([port_of(node.url)]) as to_node:
        commands.make_oracle(Node(to_node.url), folder, ORACLE)
        daemons = [commands.serve(folder, dict.fromkeys(models, "price"))]
        if ledger:
            daemons.append(Daemon(folder / "oracle.toml", password=commands.PASSWORD))
        with Line([daemon.port for daemon in daemons]) as to_oracle, _mined(node):
            own = _SETTINGS | {"URLS": f'["{to_oracle.url}"]'} | ({"LEDGER": ledger} if ledger else {})
            for number, daemon in enumerate(daemons):
                daemon.log = folder / f"oracle-{number}.log"
                daemon.environment |= {f"ASSAY_ORACLE_{name}": value for name, value in own.items()}
            power = None if ledger else Power(durable, folder / "oracle", folder / "durable")
            if power:
                daemons[0].environment |= power.environment
            replicas = [Replica(daemon, power) for daemon in daemons]
            try:
                for replica in replicas:
                    replica.start()
                yield Town(node, to_node, to_oracle, replicas)
            finally:
                for replica in replicas:
                    replica.end()


@contextmanager
def _mined(node: Node) -> Iterator[None]:
    """A chain that goes on: a block every ``MINING_SECONDS``."""
    ended = threading.Event()

    def mine() -> None:
        while not ended.wait(MINING_SECONDS):
            node.rpc("evm_mine")

    thread = threading.Thread(target=mine)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
