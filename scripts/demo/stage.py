"""The processes that the demonstration runs on: a chain, the deployment, the price function, the oracle."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import requests
from eth_account import Account
from eth_account.signers.local import LocalAccount

ROOT = Path(__file__).resolve().parent.parent.parent
MNEMONIC = "test test test test test test test test test test test junk"
BIN = Path(sys.executable).parent

Account.enable_unaudited_hdwallet_features()


def account(index: int) -> LocalAccount:
    """The ``index``-th funded account of a local chain; its key is public."""
    found: LocalAccount = Account.from_mnemonic(MNEMONIC, account_path=f"m/44'/60'/0'/0/{index}")
    return found


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def run(command: list[str], log: Path, **environment: str) -> str:
    """Runs a command to its end; returns its stdout, keeps its stderr in ``log``.

    Raises:
        RuntimeError: it failed; with the last lines of the log.
    """
    with log.open("w") as errors:
        done = subprocess.run(
            command, cwd=ROOT, env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=errors, text=True
        )
    if done.returncode:
        tail = "\n".join(log.read_text().splitlines()[-15:])
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}\n{tail}")
    return done.stdout


@contextmanager
def process(command: list[str], log: Path, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """Runs a command beside us, and ends it with us."""
    with log.open("w") as errors:
        child = subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=errors, text=True
        )
        try:
            yield child
        finally:
            child.terminate()
            try:
                child.wait(10)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


class Stage:
    """A chain with the contract on it, in ``folder``; ends with its ``with`` block."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.node = f"http://127.0.0.1:{free_port()}"
        self.deployments = folder / "deployments"
        self._open = ExitStack()
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)

    def __enter__(self) -> "Stage":
        anvil = shutil.which("anvil")
        if anvil is None:
            raise RuntimeError("expected anvil on PATH, found none: run this through make demo")
        port = self.node.rsplit(":", 1)[1]
        command = [anvil, "--port", port, "--accounts", "20", "--silent", "--mnemonic", MNEMONIC]
        self._open.enter_context(process(command, self.folder / "anvil.log"))
        for _ in range(200):
            try:
                self.rpc("eth_chainId")
                return self
            except requests.ConnectionError:
                time.sleep(0.05)
        raise RuntimeError("anvil does not answer")

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def rpc(self, method: str, *parameters: object) -> object:
        """One JSON-RPC call to the node."""
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}
        return requests.post(self.node, json=body, timeout=10).json().get("result")

    def pass_time(self, seconds: int) -> None:
        """Moves the chain's clock forward."""
        self.rpc("evm_increaseTime", seconds)
        self.rpc("evm_mine")

    def deploy(self) -> dict[str, object]:
        """Deploys the contract by ``ape run``; returns the deployment record."""
        network = f"ethereum:local:{self.node}"
        record = self.deployments / "31337.json"
        printed = run(
            [str(BIN / "ape"), "run", "deploy", "--network", network, "--record", str(record)],
            self.folder / "deploy.log",
        )
        found: dict[str, object] = json.loads(printed.strip().splitlines()[-1])
        return found

    def fit(self, owner: Path, validation: Path, weights: Path) -> dict[str, object]:
        """Fits the price function of the network in ``network.py`` by ``assay-oracle fit``."""
        printed = run(
            [
                *(str(BIN / "assay-oracle"), "fit", "--model", "network:predict", "--json"),
                *("--data", str(owner), "--validation", str(validation), "--label", "y"),
                *("--rate", "1ether", "--grid", "0.0001ether", "--out", str(self.folder / "price")),
            ],
            self.folder / "fit.log",
            PYTHONPATH=str(Path(__file__).parent),
            DEMO_WEIGHTS=str(weights),
        )
        found: dict[str, object] = json.loads(printed)
        return found

    def make_oracle(self, key: LocalAccount) -> None:
        """Makes the oracle's keys and settings by ``assay-oracle init``."""
        (self.folder / "password").write_text("demonstration")
        (self.folder / "oracle.key").write_text(key.key.hex())
        run(
            [
                *(str(BIN / "assay-oracle"), "init", "--password-file", str(self.folder / "password")),
                *("--data-dir", str(self.folder / "oracle"), "--config", str(self.folder / "oracle.toml")),
                *("--private-key-file", str(self.folder / "oracle.key"), "--node", self.node),
                *("--deployment", str(self.deployments / "31337.json")),
            ],
            self.folder / "init.log",
        )

    def serve(self, models: Sequence[bytes]) -> str:
        """Starts ``assay-oracle serve`` as a process of its own; returns its URL."""
        config = self.folder / "oracle.toml"
        blocks = "".join(f'\n[[models]]\nid = "0x{model.hex()}"\nartifact = "price"\n' for model in models)
        config.write_text(config.read_text() + blocks)
        port = str(free_port())
        command = [str(BIN / "assay-oracle"), "serve", "--config", str(config), "--port", port]
        environment = {
            "ASSAY_ORACLE_PASSWORD_FILE": str(self.folder / "password"),
            "ASSAY_ORACLE_POLL_SECONDS": "0.2",
        }
        child = self._open.enter_context(process(command, self.folder / "oracle.log", **environment))
        assert child.stdout is not None
        url = child.stdout.readline().strip()
        if not url:
            raise RuntimeError("the oracle did not start:\n" + (self.folder / "oracle.log").read_text()[-2000:])
        return url
