"""Anvil for the time of one trade: accounts with money, contracts put on it, and the gas of transactions."""

import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils.crypto import keccak

from assay.chain.interface import Deployment, contract_interface
from assay.chain.node import Node
from assay.chain.sender import Sender
from assay.chain.settlement import SettlementClient
from assay.chain.values import Transaction
from assay_bench.errors import LibraryMissing, MeasurementFailed

ETHER = 10**18
_CEILING = 600.0
_DEPLOYMENT_GAS = 12_000_000


def account(name: str) -> LocalAccount:
    """The account of a party; its key is public."""
    found: LocalAccount = Account.from_key(keccak(text=name))
    return found


class Contract:
    """A contract at ``address``, called by the accounts of a local chain."""

    def __init__(self, chain: "LocalChain", address: str, abi: Sequence[Any]) -> None:
        self._chain = chain
        self.address = address
        self.functions = chain.node.contract(address, abi).functions

    def send(self, name: str, *arguments: Any, sender: LocalAccount, value: int = 0) -> Transaction:
        """One transaction, mined.

        Raises:
            ChainError: The contract refuses it.
        """
        with_sender = Sender(self._chain.node, self._chain.chain_id, sender, timeout=_CEILING)
        return with_sender.send(self.functions[name](*arguments), value)


class LocalChain:
    """The chain behind Anvil's JSON-RPC at ``url``."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.node = Node(url)
        self.chain_id = self.node.chain_id()

    def rpc(self, method: str, *parameters: object) -> Any:
        """The result of one call."""
        answer = self.node.web3.provider.make_request(method, parameters)  # type: ignore[arg-type]
        if "error" in answer:
            raise MeasurementFailed(f"anvil refused {method}: {answer['error']}")
        return answer["result"]

    def fund(self, *parties: LocalAccount) -> None:
        """Gives each of them a hundred ether."""
        for party in parties:
            self.rpc("anvil_setBalance", party.address, hex(100 * ETHER))

    def pass_time(self, seconds: int) -> None:
        """Mines a block that is so many seconds later."""
        self.rpc("evm_increaseTime", hex(seconds))
        self.rpc("evm_mine")

    def deploy(self, code: str, sender: LocalAccount | None = None, value: int = 0) -> str:
        """Puts a contract on the chain, from an account or from one of Anvil's; its address."""
        party = sender.address if sender else self.rpc("eth_accounts")[0]
        self.rpc("anvil_impersonateAccount", party)
        call = {"from": party, "data": code, "gas": hex(_DEPLOYMENT_GAS), "value": hex(value)}
        sent = self.rpc("eth_sendTransaction", call)
        receipt = _eventually(lambda: self.rpc("eth_getTransactionReceipt", sent))
        return str(receipt["contractAddress"])

    def contract(self, interface: dict[str, Any], sender: LocalAccount | None = None, value: int = 0) -> Contract:
        """Deploys a contract by its ``abi`` and ``creation_code``."""
        return Contract(self, self.deploy(interface["creation_code"], sender, value), interface["abi"])

    def settlement(self) -> Deployment:
        """Deploys the product's contract."""
        interface = contract_interface()
        return Deployment(
            chain_id=self.chain_id,
            address=self.deploy(interface["creation_code"]),
            block=0,
            code_hash=interface["runtime_code_hash"],
        )

    def client(self, deployment: Deployment, sender: LocalAccount) -> SettlementClient:
        """The product's contract as one account uses it."""
        return SettlementClient.of(self.node, deployment, account=sender)


@contextmanager
def local_chain() -> Iterator[LocalChain]:
    """A chain for the time of the context.

    Raises:
        LibraryMissing: Anvil is not installed.
        MeasurementFailed: It ended at once.
    """
    found = shutil.which("anvil")
    if found is None:
        raise LibraryMissing("expected anvil on PATH, found none", hint="make compare installs it")
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "anvil.log"
        with log.open("w") as output:
            child = subprocess.Popen([found, "--port", "0"], stdin=subprocess.DEVNULL, stdout=output, stderr=output)  # noqa: S603
        try:

            def listening() -> re.Match[str] | None:
                if child.poll() is not None:
                    raise MeasurementFailed(f"anvil ended with {child.returncode}: {log.read_text()[-300:]}")
                return re.search(r"Listening on (\S+)\n", log.read_text())

            yield LocalChain(f"http://{_eventually(listening)[1]}")
        finally:
            child.kill()
            child.wait()


def _eventually(find: Any) -> Any:
    """What ``find`` returns, as soon as that is true."""
    end = time.monotonic() + _CEILING
    while time.monotonic() < end:
        found = find()
        if found:
            return found
        time.sleep(0.02)
    raise MeasurementFailed(f"expected anvil to answer within {_CEILING:.0f} s")
