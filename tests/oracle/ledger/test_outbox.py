"""A transaction that was signed is sent, whatever ends the process, and no second one in its place."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount
from scripts.localnet import CEILING, ETHER, Node, anvil, eventually

from assay.chain import sender
from assay.chain.settlement import SettlementClient
from assay.errors import TransactionPending
from assay.protocol.types import NATIVE_TOKEN
from assay_oracle.ledger.journal import Journal

pytestmark = pytest.mark.integration

KEY = b"\x31" * 32
account: LocalAccount = Account.from_key(KEY)
CRASH = """
import os, sys
from eth_account import Account
from assay.chain.interface import Deployment
from assay.chain.rpc.endpoint import HttpEndpoint
from assay.chain.node import Node
from assay.chain.settlement import SettlementClient
from assay_oracle.ledger.journal import Journal
from pathlib import Path

class Endpoint(HttpEndpoint):
    def make_request(self, method, params):
        if method == "eth_sendRawTransaction":
            os._exit(9)
        return super().make_request(method, params)

url, record, ledger = sys.argv[1:]
chain = SettlementClient.of(Node(Endpoint(url)), Deployment.read(Path(record)), account=Account.from_key(b"\\x31" * 32))
chain.keep_in(Journal(ledger, now=lambda: 0).outbox)
chain.deposit("0x" + "00" * 20, 10**18)
"""


class Place:
    """An account with a ledger, on a chain of its own."""

    def __init__(self, folder: Path, node: Node) -> None:
        self.node = node
        self.record = folder / "31337.json"
        self.deployment = node.deploy(self.record)
        self.ledger = f"sqlite:///{folder / 'journal.sqlite'}"
        self.journal: Journal | None = None
        node.fund(account.address, 100 * ETHER)

    def start(self, **options: int) -> SettlementClient:
        """The account's client in a new process, as far as its memory goes."""
        self.stop()
        self.journal = Journal(self.ledger, now=lambda: 0)
        chain = SettlementClient.of(self.node.url, self.deployment, account=account, **{"timeout": 1, **options})
        chain.keep_in(self.journal.outbox)
        return chain

    def stop(self) -> None:
        if self.journal is not None:
            self.journal.close()

    def kept(self) -> list[bytes]:
        assert self.journal is not None
        return [signed.digest for signed in self.journal.outbox.of(account.address)]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    monkeypatch.setattr(sender, "AGAIN_SECONDS", 0.0)
    with anvil(tmp_path / "anvil.log") as node:
        made = Place(tmp_path, node)
        yield made
        made.stop()


def test_crash_between_signing_and_sending_sends_the_same_transaction(place: Place) -> None:
    command = [sys.executable, "-c", CRASH, place.node.url, str(place.record), place.ledger]
    assert subprocess.run(command, timeout=CEILING).returncode == 9
    chain = place.start()
    (digest,) = place.kept()
    assert chain.credit(NATIVE_TOKEN, account.address) == 0
    assert chain.unmined() == 1, "nothing else is signed under its number"
    chain.resend()
    receipt = place.node.rpc("eth_getTransactionReceipt", "0x" + digest.hex())
    assert receipt["status"] == "0x1"
    assert chain.credit(NATIVE_TOKEN, account.address) == ETHER
    chain.resend()
    assert place.kept() == []
    assert chain.unmined() == 0


def test_fee_rises_after_a_restart_up_to_the_most_and_the_transaction_waits_there(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    chain = place.start()
    place.node.rpc("evm_setAutomine", False)
    with pytest.raises(TransactionPending):
        chain.deposit(NATIVE_TOKEN, ETHER)
    first = place.node.rpc("eth_getTransactionByHash", "0x" + place.kept()[-1].hex())
    most = int(first["gas"], 16) * int(first["maxFeePerGas"], 16) * 20
    chain = place.start(max_fee=most, timeout=0)
    for _ in range(8):
        chain.resend()
    fees = [place.node.rpc("eth_getTransactionByHash", "0x" + digest.hex()) for digest in place.kept()[-1:]]
    assert [int(fee["gas"], 16) * int(fee["maxFeePerGas"], 16) for fee in fees] == [most]
    assert [fee["nonce"] for fee in fees] == [first["nonce"]]
    assert chain._sender.capped == {int(first["nonce"], 16)}
    assert caplog.text.count("a transaction waits at max_fee") == 1
    place.node.rpc("evm_mine")
    chain.resend()
    assert chain.credit(NATIVE_TOKEN, account.address) == ETHER
    assert chain._sender.capped == set()
    assert chain.unmined() == 0


def test_transaction_that_every_node_dropped_is_sent_again(place: Place) -> None:
    chain = place.start()
    place.node.rpc("evm_setAutomine", False)
    with pytest.raises(TransactionPending):
        chain.deposit(NATIVE_TOKEN, ETHER)
    place.node.rpc("anvil_dropAllTransactions")
    assert chain.unmined() == 1
    place.node.rpc("evm_setAutomine", True)
    chain.resend()
    eventually(lambda: chain.credit(NATIVE_TOKEN, account.address) == ETHER)


def test_transaction_that_a_reorganisation_removed_is_sent_again_until_it_is_deep(place: Place) -> None:
    chain = place.start(confirmations=3)
    taken = place.node.rpc("evm_snapshot")
    sent = chain.deposit(NATIVE_TOKEN, ETHER)
    chain.resend()
    assert sent.hash in place.kept()
    assert place.node.rpc("evm_revert", taken)
    assert chain.credit(NATIVE_TOKEN, account.address) == 0
    chain.resend()
    assert chain.credit(NATIVE_TOKEN, account.address) == ETHER
    place.node.rpc("anvil_mine", "0x3")
    chain.resend()
    assert place.kept() == []


def test_number_that_another_transaction_took_is_left(place: Place) -> None:
    chain = place.start()
    place.node.rpc("evm_setAutomine", False)
    with pytest.raises(TransactionPending):
        chain.deposit(NATIVE_TOKEN, ETHER)
    place.node.rpc("anvil_dropAllTransactions")
    place.node.rpc("evm_setAutomine", True)
    other = SettlementClient.of(place.node.url, place.deployment, account=account)
    other.deposit(NATIVE_TOKEN, 7)
    chain.resend()
    assert place.kept() == []
    assert chain.credit(NATIVE_TOKEN, account.address) == 7


def test_transaction_that_fails_after_its_time_is_told_once(place: Place) -> None:
    """Both calls pass the simulation; in the block the second one finds nothing left."""
    place.start(timeout=20).deposit(NATIVE_TOKEN, ETHER)
    chain = place.start(timeout=0)
    assert chain.resend() == [], "what an earlier process waited for"
    place.node.rpc("evm_setAutomine", False)
    for _ in range(2):
        with pytest.raises(TransactionPending):
            chain.withdraw_credit(NATIVE_TOKEN, ETHER, account.address)
    assert chain.resend() == []
    place.node.rpc("evm_mine")
    first, second = chain.resend()
    assert (first.function, first.succeeded, first.error) == ("withdrawCredit", True, "")
    assert (second.function, second.succeeded, second.error) == ("withdrawCredit", False, "CreditTooSmall")
    assert second.gas > 21_000
    assert chain.resend() == []
