"""Transactions on a chain whose fees rise while they wait."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount

from assay.chain.interface import Deployment
from assay.chain.settlement import SettlementClient
from assay.errors import SettingsError, TransactionPending
from assay.protocol.types import NATIVE_TOKEN
from tests.kit.network import Node, eventually, running_node

pytestmark = pytest.mark.integration

ETHER = 10**18
account: LocalAccount = Account.from_key(b"\x21" * 32)


@pytest.fixture
def node() -> Iterator[Node]:
    with running_node() as made:
        made.rpc("anvil_setBalance", account.address, hex(100 * ETHER))
        yield made


def client(node: Node, folder: Path, timeout: float) -> SettlementClient:
    node.deploy(folder / "31337.json")
    node.rpc("evm_setAutomine", False)
    return SettlementClient.of(node.url, Deployment.read(folder / "31337.json"), account=account, timeout=timeout)


def waiting(node: Node) -> dict[str, Any] | None:
    """The account's transaction that is in no block yet."""
    content = node.rpc("txpool_content")
    found = [sent for pool in content.values() for by_nonce in pool.values() for sent in by_nonce.values()]
    return found[0] if found else None


def mine(node: Node, base_fee: int) -> None:
    node.rpc("anvil_setNextBlockBaseFeePerGas", hex(base_fee))
    node.rpc("evm_mine")


def test_transaction_that_is_stuck_is_sent_again_for_more(node: Node, tmp_path: Path) -> None:
    chain = client(node, tmp_path, timeout=20)
    with ThreadPoolExecutor() as pool:
        depositing = pool.submit(chain.deposit, NATIVE_TOKEN, ETHER)
        first = eventually(lambda: waiting(node))
        risen = int(first["maxFeePerGas"], 16) + 1
        mine(node, risen)
        assert chain.credit(NATIVE_TOKEN, account.address) == 0
        second = eventually(lambda: (sent := waiting(node)) and sent["hash"] != first["hash"] and sent)
        assert second["nonce"] == first["nonce"]
        assert int(second["maxFeePerGas"], 16) == 2 * (risen - 1)
        mine(node, risen)
        receipt = depositing.result(30)
    assert "0x" + receipt.hash.hex() == second["hash"]
    assert chain.credit(NATIVE_TOKEN, account.address) == ETHER


def test_transaction_that_nobody_mines_is_left_pending_and_told(node: Node, tmp_path: Path) -> None:
    chain = client(node, tmp_path, timeout=2)
    with pytest.raises(TransactionPending, match="not mined within 2 s"):
        chain.deposit(NATIVE_TOKEN, ETHER)
    assert chain.unmined() == 1


def test_client_without_an_account_sends_nothing(node: Node, tmp_path: Path) -> None:
    node.deploy(tmp_path / "31337.json")
    chain = SettlementClient.of(node.url, Deployment.read(tmp_path / "31337.json"))
    with pytest.raises(SettingsError, match="expected a key to send transactions with"):
        chain.deposit(NATIVE_TOKEN, ETHER)
    assert chain.unmined() == 0
