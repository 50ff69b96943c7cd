"""Transactions on a chain whose fees rise while they wait."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount
from scripts.localnet import CEILING, ETHER, Node, anvil, eventually
from web3.types import RPCEndpoint, RPCResponse

from assay.chain import sender
from assay.chain.node import Node as ChainNode
from assay.chain.rpc.endpoint import HttpEndpoint
from assay.chain.settlement import SettlementClient
from assay.errors import SettingsError, TransactionPending
from assay.protocol.types import NATIVE_TOKEN

pytestmark = pytest.mark.integration

account: LocalAccount = Account.from_key(b"\x21" * 32)


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    """A chain of the test's own: mining is switched off on it."""
    with anvil(tmp_path / "anvil.log") as made:
        made.fund(account.address, 100 * ETHER)
        yield made


class Clock:
    """The sender's clock. It moves when a test says so, or by ``step`` seconds with each wait of the sender."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, step: float = 0) -> None:
        self._now = 0.0
        self._step = step
        monkeypatch.setattr(sender, "time", self)

    def monotonic(self) -> float:
        return self._now

    def sleep(self, _: float) -> None:
        self._now += self._step
        time.sleep(0.01)

    def advance(self, seconds: float) -> None:
        self._now += seconds


def client(node: Node, folder: Path, timeout: float) -> SettlementClient:
    deployment = node.deploy(folder / "31337.json")
    node.rpc("evm_setAutomine", False)
    return SettlementClient.of(node.url, deployment, account=account, timeout=timeout)


def waiting(node: Node) -> dict[str, Any] | None:
    """The account's transaction that is in no block yet."""
    content = node.rpc("txpool_content")
    found = [sent for pool in content.values() for by_nonce in pool.values() for sent in by_nonce.values()]
    return found[0] if found else None


def mine(node: Node, base_fee: int) -> None:
    node.rpc("anvil_setNextBlockBaseFeePerGas", hex(base_fee))
    node.rpc("evm_mine")


def test_transaction_that_is_stuck_is_sent_again_for_more(
    node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    chain = client(node, tmp_path, timeout=20)
    with ThreadPoolExecutor() as pool:
        depositing = pool.submit(chain.deposit, NATIVE_TOKEN, ETHER)
        first = eventually(lambda: waiting(node))
        risen = int(first["maxFeePerGas"], 16) + 1
        mine(node, risen)
        assert chain.credit(NATIVE_TOKEN, account.address) == 0
        clock.advance(5)
        second = eventually(lambda: (sent := waiting(node)) and sent["hash"] != first["hash"] and sent)
        assert second["nonce"] == first["nonce"]
        assert int(second["maxFeePerGas"], 16) == 2 * (risen - 1)
        mine(node, risen)
        receipt = depositing.result(CEILING)
    assert "0x" + receipt.hash.hex() == second["hash"]
    assert chain.credit(NATIVE_TOKEN, account.address) == ETHER


def test_transaction_that_nobody_mines_is_left_pending_and_told(
    node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Clock(monkeypatch, step=0.5)
    chain = client(node, tmp_path, timeout=2)
    with pytest.raises(TransactionPending, match="not mined within 2 s"):
        chain.deposit(NATIVE_TOKEN, ETHER)
    assert chain.unmined() == 1


def test_client_without_an_account_sends_nothing(node: Node, tmp_path: Path) -> None:
    chain = SettlementClient.of(node.url, node.deploy(tmp_path / "31337.json"))
    with pytest.raises(SettingsError, match="expected a key to send transactions with"):
        chain.deposit(NATIVE_TOKEN, ETHER)
    assert chain.unmined() == 0


class LosesAnswer(HttpEndpoint):
    """Passes a transaction on to the node, and loses the answer."""

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        answer = super().make_request(method, params)
        if method == "eth_sendRawTransaction":
            raise ConnectionError("reset")
        return answer


@pytest.mark.parametrize("mining", [True, False], ids=["mined", "pending"])
def test_transaction_that_another_endpoint_knows_already_was_sent(node: Node, tmp_path: Path, mining: bool) -> None:
    """It must not look refused: the account would send it, and pay, a second time."""
    deployment = node.deploy(tmp_path / "31337.json")
    endpoints = ChainNode(LosesAnswer(node.url), node.url)
    chain = SettlementClient.of(endpoints, deployment, account=account, timeout=CEILING)
    node.rpc("evm_setAutomine", mining)
    with ThreadPoolExecutor() as pool:
        depositing = pool.submit(chain.deposit, NATIVE_TOKEN, ETHER)
        if not mining:
            eventually(lambda: waiting(node) or depositing.done())
            eventually(lambda: node.rpc("evm_mine") and depositing.done())
        depositing.result(CEILING)
    assert chain.credit(NATIVE_TOKEN, account.address) == ETHER


class LosesRequest(HttpEndpoint):
    """Loses the first transaction on its way to the node."""

    lost = 0

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        if method == "eth_sendRawTransaction" and not self.lost:
            self.lost += 1
            raise ConnectionError("reset")
        return super().make_request(method, params)


def test_transaction_that_never_arrived_is_sent_again_soon(
    node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All other transactions of the account wait for it: they have later numbers."""
    deployment, endpoint = node.deploy(tmp_path / "31337.json"), LosesRequest(node.url)
    chain = SettlementClient.of(ChainNode(endpoint), deployment, account=account, timeout=400)
    clock = Clock(monkeypatch, step=0.5)
    chain.deposit(NATIVE_TOKEN, ETHER)
    assert endpoint.lost == 1
    assert clock.monotonic() <= sender.AGAIN_SECONDS + 1, "not only once its fee rises, after a hundred seconds"
    assert chain.credit(NATIVE_TOKEN, account.address) == ETHER
