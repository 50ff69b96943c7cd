"""A local chain with the contract on it, and an oracle as a process: for the demonstration, the walk and the tests.

    with anvil(folder / "anvil.log") as node:
        record = node.deploy(folder / "31337.json")
        with Daemon(folder / "oracle.toml", password="secret") as daemon:
            ...

Nothing here depends on how fast the machine is: what waits, waits for a condition, and ``CEILING`` ends a hang.
"""

import json
import os
import random
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self, TypeVar

import requests
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils.crypto import keccak

from assay.chain.interface import Deployment, contract_interface

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
ETHER = 10**18
CEILING = 3600.0
"""Seconds after which a condition that has not come about counts as a hang."""
_MNEMONIC = "test test test test test test test test test test test junk"
_PORTS = (20_000, 32_000)
"""Below the ports that an operating system gives to outgoing connections."""
_DEPLOYMENT_GAS = 12_000_000

T = TypeVar("T")

Account.enable_unaudited_hdwallet_features()


def account(index: int) -> LocalAccount:
    """The ``index``-th funded account of a local chain, of 20; its key is public."""
    found: LocalAccount = Account.from_mnemonic(_MNEMONIC, account_path=f"m/44'/60'/0'/0/{index}")
    return found


def free_port() -> int:
    """A port on which nothing listens."""
    while True:
        port = random.SystemRandom().randrange(*_PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def eventually(find: Callable[[], T | None], *, every: float = 0.1) -> T:
    """What ``find`` returns, as soon as that is true; asks again ``every`` so many seconds.

    Raises:
        TimeoutError: It is not true after ``CEILING`` seconds.
    """
    end = time.monotonic() + CEILING
    while time.monotonic() < end:
        found = find()
        if found:
            return found
        time.sleep(every)
    raise TimeoutError(f"expected a condition to come about within {CEILING:.0f} s")


def run(*command: object, log: Path, cwd: Path = ROOT, **environment: str) -> str:
    """Runs a command to its end; returns its stdout and keeps its stderr in ``log``.

    Raises:
        RuntimeError: The command failed; with the last lines of the log.
    """
    words = [str(word) for word in command]
    with log.open("w") as errors:
        done = subprocess.run(
            words, cwd=cwd, env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=errors, text=True
        )
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)} ended with {done.returncode}:\n{done.stdout}\n{_tail(log)}")
    return done.stdout


def _tail(log: Path) -> str:
    return "\n".join(log.read_text().splitlines()[-15:])


def _anvil() -> str:
    found = shutil.which("anvil", path=f"{ROOT / '.build' / 'bin'}:{os.environ['PATH']}")
    if found is None:
        raise RuntimeError("expected anvil on PATH or in .build/bin, found none: run make setup")
    return found


class Node:
    """Anvil's JSON-RPC at ``url``."""

    def __init__(self, url: str) -> None:
        self.url = url

    def rpc(self, method: str, *parameters: object) -> Any:
        """One call; its result."""
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}
        answer = requests.post(self.url, json=body, timeout=CEILING).json()
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer["result"]

    def pass_time(self, seconds: int) -> None:
        """Mines a block that is ``seconds`` later than both the latest one and this machine's clock.

        Anvil's own offset (``evm_increaseTime``) would not do: ``evm_revert`` does not take it back.
        """
        latest = int(self.rpc("eth_getBlockByNumber", "latest", False)["timestamp"], 16)
        self.rpc("evm_setNextBlockTimestamp", max(latest, int(time.time())) + seconds)
        self.rpc("evm_mine")

    def fund(self, address: str, wei: int) -> None:
        """Gives ``address`` this balance."""
        self.rpc("anvil_setBalance", address, hex(wei))

    def deploy(self, record: Path) -> Deployment:
        """Puts the compiled contract on the chain, and writes the record of it.

        A transaction with the code that the client ships. ``ape run deploy`` puts the same code at a chosen address.
        """
        (sender, *_) = self.rpc("eth_accounts")
        code = contract_interface()["creation_code"]
        sent = self.rpc("eth_sendTransaction", {"from": sender, "data": code, "gas": hex(_DEPLOYMENT_GAS)})
        receipt = eventually(lambda: self.rpc("eth_getTransactionReceipt", sent), every=0.01)
        runtime = bytes.fromhex(self.rpc("eth_getCode", receipt["contractAddress"], "latest")[2:])
        found = {
            "chain_id": int(self.rpc("eth_chainId"), 16),
            "address": receipt["contractAddress"],
            "block": int(receipt["blockNumber"], 16),
            "code_hash": "0x" + keccak(runtime).hex(),
        }
        record.parent.mkdir(parents=True, exist_ok=True)
        record.write_text(json.dumps(found))
        return Deployment.read(record)

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Takes the chain back, at the end, to where it is now."""
        taken = self.rpc("evm_snapshot")
        yield
        if not self.rpc("evm_revert", taken):
            raise RuntimeError("anvil does not go back to its snapshot")


def start_anvil(log: Path, *, port: int = 0) -> tuple[subprocess.Popen[bytes], Node]:
    """Starts a chain of its own, with 20 funded accounts; port 0 is one that the operating system chooses.

    Raises:
        RuntimeError: Anvil ended instead; with the last lines of its log.
    """
    with log.open("w") as output:
        child = subprocess.Popen(
            [_anvil(), "--port", str(port), "--accounts", "20", "--mnemonic", _MNEMONIC],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=bool(port),
        )

    def listening() -> re.Match[str] | None:
        if child.poll() is not None:
            raise RuntimeError(f"anvil ended with {child.returncode}:\n{_tail(log)}")
        return re.search(r"Listening on (\S+)\n", log.read_text())

    try:
        return child, Node(f"http://{eventually(listening, every=0.02)[1]}")
    except BaseException:
        child.kill()
        child.wait()
        raise


@contextmanager
def anvil(log: Path) -> Iterator[Node]:
    """A chain for the time of the context."""
    child, node = start_anvil(log)
    try:
        yield node
    finally:
        child.kill()
        child.wait()


class Daemon:
    """``assay-oracle serve`` with the settings in ``config``; on one port however often it is started.

    ``kill`` is a crash, ``stop`` is SIGTERM.
    """

    def __init__(self, config: Path, *, password: str, **environment: str) -> None:
        self.config = config
        self.environment = {"ASSAY_ORACLE_PASSWORD": password, "ASSAY_ORACLE_POLL_SECONDS": "0.1", **environment}
        self.program: tuple[str | Path, ...] = (BIN / "assay-oracle",)
        self.port = free_port()
        self.log = config.with_suffix(".log")

    @property
    def url(self) -> str:
        """Where it serves."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> Self:
        """Starts it, and waits until it listens.

        Raises:
            RuntimeError: It ended instead; with the last lines of its log.
        """
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*self.program, "serve", "--config", self.config, "--port", str(self.port)],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={**os.environ, "OMP_NUM_THREADS": "1", **self.environment},
            )
        assert self.process.stdout is not None
        if self.process.stdout.readline().strip() != self.url:
            self.kill()
            raise RuntimeError(f"the oracle did not start:\n{_tail(self.log)}")
        return self

    def kill(self) -> None:
        """Ends it as a crash does."""
        self.process.kill()
        self._wait()

    def stop(self) -> int:
        """Asks it to end, and waits; its exit status."""
        self.process.terminate()
        return self._wait()

    def _wait(self) -> int:
        assert self.process.stdout is not None
        self.process.stdout.close()
        return self.process.wait()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
