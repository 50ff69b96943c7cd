"""scripts/deploy.py: one address on every chain, a record that the client reads, nothing sent twice."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from web3 import HTTPProvider, Web3

from assay.chain.interface import Deployment
from assay.chain.settlement import SettlementClient
from assay.errors import ContractMissing
from tests.contracts.ganache import EXECUTABLE as GANACHE

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parents[2]
APE = Path(sys.executable).parent / "ape"
NODES = {
    "anvil": ("anvil", "--port", "{port}"),
    "ganache": (
        str(GANACHE),
        "--chain.hardfork",
        "shanghai",
        "--wallet.mnemonic",
        "{mnemonic}",
        "--server.port",
        "{port}",
    ),
}
MNEMONIC = "test test test test test test test test test test test junk"


@contextmanager
def node(kind: str) -> Iterator[str]:
    """The URL of a chain of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [part.format(port=port, mnemonic=MNEMONIC) for part in NODES[kind]]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        latest = time.monotonic() + 60
        while not Web3(HTTPProvider(url)).is_connected():
            assert time.monotonic() < latest, f"expected {kind} on port {port}"
            time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait()


def deploy(url: str, record: Path) -> subprocess.CompletedProcess[str]:
    command = [str(APE), "run", "deploy", "--network", f"ethereum:local:{url}", "--record", str(record)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def block(url: str) -> int:
    return int(Web3(HTTPProvider(url)).eth.block_number)


def test_the_same_code_at_the_same_address_on_anvil_and_ganache(tmp_path: Path) -> None:
    found = {}
    for kind in NODES:
        record = tmp_path / f"{kind}.json"
        with node(kind) as url:
            done = deploy(url, record)
            assert done.returncode == 0, done.stderr
            found[kind] = Deployment.read(record)
            SettlementClient.of(url, found[kind]).check()
    assert found["anvil"].address == found["ganache"].address
    assert found["anvil"].code_hash == found["ganache"].code_hash


def test_a_second_deployment_finds_the_first_and_sends_nothing(tmp_path: Path) -> None:
    record = tmp_path / "record.json"
    with node("anvil") as url:
        first = deploy(url, record)
        height, content = block(url), json.loads(record.read_text())
        second = deploy(url, record)
        assert (first.returncode, second.returncode) == (0, 0), second.stderr
        assert "already deployed" in second.stderr
        assert (block(url), json.loads(record.read_text())) == (height, content)


def test_a_chain_without_the_contract_is_refused(tmp_path: Path) -> None:
    record = tmp_path / "record.json"
    with node("anvil") as url:
        deploy(url, record)
    with node("anvil") as url, pytest.raises(ContractMissing, match="no code") as refusal:
        SettlementClient.of(url, Deployment.read(record)).check()
    assert refusal.value.hint is not None
    assert "ape run deploy" in refusal.value.hint


def test_an_account_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with node("anvil") as url:
        command = [str(APE), "run", "deploy", "--network", f"ethereum:local:{url}", "--account", "nobody"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "nobody" in done.stderr
    assert "ape accounts" in done.stderr
