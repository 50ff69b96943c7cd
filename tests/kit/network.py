"""A chain of one's own: Anvil with the contract on it, and the daemon as its own process."""

import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from eth_utils.crypto import keccak

from assay.chain.interface import contract_interface

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
PASSWORD = "integration"


def _anvil() -> str:
    platform = ROOT / "node_modules" / "@foundry-rs" / "anvil-linux-amd64" / "bin" / "anvil"
    found = shutil.which("anvil") or (str(platform) if platform.exists() else None)
    if found is None:
        pytest.fail("expected anvil on PATH or in node_modules, found none: make setup")
    return found


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def eventually(look: Callable[[], Any], seconds: float = 60) -> Any:
    """What ``look`` finds, as soon as it finds anything."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = look()
        if found:
            return found
        time.sleep(0.1)
    return pytest.fail(f"did not come about within {seconds} s")


class Node:
    """Anvil's JSON-RPC."""

    def __init__(self, url: str) -> None:
        self.url = url

    def rpc(self, method: str, *parameters: object) -> Any:
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}
        answer = requests.post(self.url, json=body, timeout=10).json()
        assert "error" not in answer, answer
        return answer["result"]

    def pass_time(self, seconds: int) -> None:
        self.rpc("evm_increaseTime", seconds)
        self.rpc("evm_mine")

    def deploy(self, record: Path) -> None:
        """Puts the contract on the chain, and writes the record of it."""
        (sender, *_) = self.rpc("eth_accounts")
        code = contract_interface()["creation_code"]
        sent = self.rpc("eth_sendTransaction", {"from": sender, "data": code, "gas": hex(12_000_000)})
        receipt = eventually(lambda: self.rpc("eth_getTransactionReceipt", sent))
        runtime = bytes.fromhex(self.rpc("eth_getCode", receipt["contractAddress"], "latest")[2:])
        found = {
            "chain_id": int(self.rpc("eth_chainId"), 16),
            "address": receipt["contractAddress"],
            "block": int(receipt["blockNumber"], 16),
            "code_hash": "0x" + keccak(runtime).hex(),
        }
        record.write_text(json.dumps(found))


@contextmanager
def running_node() -> Iterator[Node]:
    port = free_port()
    child = subprocess.Popen([_anvil(), "--port", str(port), "--silent"])
    node = Node(f"http://127.0.0.1:{port}")
    try:
        for _ in range(200):
            try:
                node.rpc("eth_chainId")
                break
            except requests.ConnectionError:
                time.sleep(0.05)
        yield node
    finally:
        child.kill()
        child.wait()


class Daemon:
    """``assay-oracle serve`` over ``config``; ``kill`` is a crash, ``stop`` is SIGTERM."""

    def __init__(self, config: Path, **environment: str) -> None:
        self.config = config
        self.environment = {"ASSAY_ORACLE_PASSWORD": PASSWORD, "ASSAY_ORACLE_POLL_SECONDS": "0.1", **environment}
        self.port = free_port()
        self.log = config.with_suffix(".log")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        import os

        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [BIN / "assay-oracle", "serve", "--config", self.config, "--port", str(self.port)],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={**os.environ, "OMP_NUM_THREADS": "1", **self.environment},
            )
        assert self.process.stdout is not None
        assert self.process.stdout.readline().strip() == self.url, self.log.read_text()[-2000:]

    def kill(self) -> None:
        self.process.kill()
        self._wait()

    def stop(self) -> int:
        self.process.terminate()
        return self._wait()

    def _wait(self) -> int:
        assert self.process.stdout is not None
        self.process.stdout.close()
        return self.process.wait(30)
