"""A Ganache node, and its contracts and accounts in the shape that the specification's `World` takes."""

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_utils.crypto import keccak
from web3 import HTTPProvider, Web3

from tests.contracts.world import World

MNEMONIC = "test test test test test test test test test test test junk"
EXECUTABLE = Path(__file__).resolve().parents[2] / "node_modules" / ".bin" / "ganache"
PATIENCE = 600
"""Seconds after which a request counts as lost: on a loaded machine a block takes long."""
GAS = 8_000_000


class Refused(Exception):
    """A transaction reverted; ``data`` is what it returned."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data.hex())
        self.data = data


@dataclass(frozen=True)
class GanacheAccount:
    """One of the mnemonic's accounts."""

    web3: Web3
    address: str
    private_key: str

    @property
    def balance(self) -> int:
        return int(self.web3.eth.get_balance(self.web3.to_checksum_address(self.address)))


class GanacheChain:
    """The node's clock: every block is one second younger than its parent, unless the test sets its time."""

    def __init__(self, web3: Web3) -> None:
        self.web3 = web3
        self.chain_id = web3.eth.chain_id

    @property
    def pending_timestamp(self) -> int:
        return int(self.web3.eth.get_block("latest")["timestamp"]) + 1

    @pending_timestamp.setter
    def pending_timestamp(self, timestamp: int) -> None:
        self.request("evm_mine", {"timestamp": timestamp - 1})

    def request(self, method: str, *parameters: Any) -> Any:
        answer = self.web3.provider.make_request(method, list(parameters))  # type: ignore[arg-type]
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']['message']}")
        return answer["result"]

    def send(self, account: GanacheAccount, **transaction: Any) -> Any:
        """Signs, sends, and returns the receipt.

        Raises:
            Refused: it reverted.
        """
        nonce = self.web3.eth.get_transaction_count(self.web3.to_checksum_address(account.address))
        filled = {"gas": GAS, "gasPrice": 10**10, "nonce": nonce, "chainId": self.chain_id} | transaction
        signed = Account.sign_transaction(filled, account.private_key)
        digest = self.web3.eth.send_raw_transaction(signed.raw_transaction)
        receipt = self.web3.eth.wait_for_transaction_receipt(digest, timeout=PATIENCE)
        if not receipt["status"]:
            # The block of the refused transaction has the state and the second that it met.
            replay = {"from": account.address, "to": transaction["to"], "data": transaction["data"]}
            value, block = hex(transaction.get("value", 0)), hex(receipt["blockNumber"])
            answer = self.web3.provider.make_request("eth_call", [replay | {"value": value, "gas": hex(GAS)}, block])  # type: ignore[arg-type]
            raise Refused(bytes.fromhex(answer["error"]["data"].removeprefix("0x")))
        return receipt

    def deploy(self, account: GanacheAccount, container: Any, *arguments: Any) -> "GanacheContract":
        """Deploys what ape compiled, byte for byte."""
        kind = container.contract_type
        abi = [entry.model_dump(mode="json", by_alias=True, exclude_none=True) for entry in kind.abi]
        code = kind.deployment_bytecode.bytecode
        factory = self.web3.eth.contract(abi=abi, bytecode=code)
        values = [getattr(argument, "address", argument) for argument in arguments]
        receipt = self.send(account, data=factory.constructor(*values).data_in_transaction, to=b"")
        return GanacheContract(self, str(receipt["contractAddress"]), abi)


class GanacheContract:
    """A contract whose functions are called as ape's are: reading at once, or with ``sender`` as a transaction."""

    def __init__(self, chain: GanacheChain, address: str, abi: list[dict[str, Any]]) -> None:
        self.chain = chain
        self.address = address
        self.abi = abi
        self.contract = chain.web3.eth.contract(address=chain.web3.to_checksum_address(address), abi=abi)

    @property
    def balance(self) -> int:
        return int(self.chain.web3.eth.get_balance(self.contract.address))

    def selector(self, error: str) -> bytes:
        """The first four bytes of ``error`` of this contract."""

        def canonical(entry: dict[str, Any]) -> str:
            kind = str(entry["type"])
            if kind.startswith("tuple"):
                return "(" + ",".join(map(canonical, entry["components"])) + ")" + kind.removeprefix("tuple")
            return kind

        entry = next(e for e in self.abi if e["type"] == "error" and e["name"] == error)
        return bytes(keccak(text=f"{error}({','.join(map(canonical, entry.get('inputs', [])))})")[:4])

    def __getattr__(self, name: str) -> Any:
        def run(*arguments: Any, sender: Any = None, value: int = 0) -> Any:
            plain = [getattr(argument, "address", argument) for argument in arguments]
            call = self.contract.functions[name](*plain)
            if sender is None:
                return call.call()
            data = call._encode_transaction_data()
            return self.chain.send(sender, to=self.contract.address, data=data, value=value)

        return run


class GanacheWorld(World):
    """The specification's world on Ganache."""

    def encoded(self, function: str, *arguments: Any) -> bytes:
        return bytes.fromhex(self.settlement.contract.encode_abi(function, list(arguments)).removeprefix("0x"))

    @contextmanager
    def refuses(self, error: str, **values: Any) -> Iterator[None]:
        with pytest.raises(Refused) as refusal:
            yield
        assert refusal.value.data[:4] == self.settlement.selector(error)
        for value in values.values():
            raw = bytes.fromhex(value.removeprefix("0x")) if isinstance(value, str) else value
            word = raw.rjust(32, b"\0") if isinstance(raw, bytes) else int(raw).to_bytes(32, "big")
            assert word in refusal.value.data[4:]


@contextmanager
def ganache() -> Iterator[GanacheChain]:
    """A node of its own process, for as long as the block lasts."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = {
        "--server.port": str(port),
        "--chain.hardfork": "shanghai",
        "--miner.timestampIncrement": "1",
        "--wallet.mnemonic": MNEMONIC,
    }
    arguments = [part for option in options.items() for part in option]
    process = subprocess.Popen([EXECUTABLE, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        web3 = Web3(HTTPProvider(f"http://127.0.0.1:{port}", request_kwargs={"timeout": PATIENCE}))
        while not web3.is_connected():
            if process.poll() is not None:
                raise RuntimeError(f"expected Ganache on port {port}, got exit status {process.returncode}")
            time.sleep(0.1)
        yield GanacheChain(web3)
    finally:
        process.terminate()
        process.wait()
