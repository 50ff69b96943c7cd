"""Two stages for one scenario: the memory chain, and the contract on Anvil. Both have the same clock."""

from typing import Protocol

from eth_account.signers.local import LocalAccount
from scripts.localnet import CEILING, Node

from assay.chain.interface import Deployment
from assay.chain.node import Node as ChainNode
from assay.chain.port import Chain
from assay.chain.settlement import SettlementClient
from assay.protocol.statements import Domain
from assay.protocol.structs import ModelTerms
from assay.protocol.types import NATIVE_TOKEN
from tests.kit.memory_chain import MemoryChain, MemoryNode
from tests.kit.memory_contract import HALTED, MemoryContract

_REFUSES = "0x5f5ffd"
"""Code of an account that refuses every call: ``revert(0, 0)``."""
_WALLET = "0x6004356064351463" + "1626ba7e" + "60e01b025f5260205ff3"
"""Code of an ERC-1271 wallet whose signature over a digest is the digest itself.

Returns the magic value times ``calldataload(4) == calldataload(100)``: the digest, and the signature's first word.
"""
_BALANCE = 2**99


class Stage(Protocol):
    """What a scenario needs beyond ``Chain``. Each method mines as many blocks on one stage as on the other.

    Attributes:
        refusals_change_nothing: A refused call mines no block, so nothing need be read. The memory chain must show it.
    """

    refusals_change_nothing: bool

    def chain(self, account: LocalAccount | None) -> Chain: ...
    def pass_time(self, seconds: int) -> None: ...
    def deposit(self, account: LocalAccount, amount: int) -> None: ...
    def halt(self, terms: ModelTerms, owner: LocalAccount) -> None: ...
    def make_wallet(self, address: str) -> None: ...
    def refuse_payments(self, address: str) -> None: ...
    def reorganise(self, depth: int) -> None: ...
    def paid(self, address: str) -> int: ...


class MemoryStage:
    """The memory chain of a contract at ``domain``, from ``time`` on."""

    refusals_change_nothing = False

    def __init__(self, domain: Domain, time: int) -> None:
        self._contract = MemoryContract(domain)
        self._node = MemoryNode(self._contract, time=time)

    def chain(self, account: LocalAccount | None) -> Chain:
        return MemoryChain(self._node, account.address if account else None)

    def pass_time(self, seconds: int) -> None:
        self._node.pass_time(seconds)

    def deposit(self, account: LocalAccount, amount: int) -> None:
        self._contract.storage.credits[NATIVE_TOKEN, account.address] = amount
        self._node.mine()

    def halt(self, terms: ModelTerms, owner: LocalAccount) -> None:
        self._contract.change_model(self._contract.model_id(terms), oracle=HALTED)
        self._node.mine()

    def make_wallet(self, address: str) -> None:
        self._contract.wallets[address] = b""

    def refuse_payments(self, address: str) -> None:
        self._contract.refusing.add(address)

    def reorganise(self, depth: int) -> None:
        self._node.reorganise(depth)

    def paid(self, address: str) -> int:
        return self._contract.storage.payments.get((NATIVE_TOKEN, address), 0)


class AnvilStage:
    """The contract of ``deployment`` on ``node``, whose blocks all have the time of the one before."""

    refusals_change_nothing = True

    def __init__(self, node: Node, deployment: Deployment, accounts: tuple[LocalAccount, ...]) -> None:
        self._node = node
        self._deployment = deployment
        self._client = ChainNode(node.url, timeout=CEILING)
        self._start: dict[str, int] = {}
        self._clients: dict[str | None, SettlementClient] = {}
        node.rpc("anvil_setBlockTimestampInterval", 0)
        for account in accounts:
            node.fund(account.address, _BALANCE)

    def chain(self, account: LocalAccount | None) -> SettlementClient:
        address = account.address if account else None
        if address not in self._clients:
            made = SettlementClient.of(self._client, self._deployment, account=account, timeout=CEILING)
            self._clients[address] = made
        return self._clients[address]

    def pass_time(self, seconds: int) -> None:
        self._node.rpc("evm_setNextBlockTimestamp", self.chain(None).block_time() + seconds)
        self._node.rpc("evm_mine")

    def deposit(self, account: LocalAccount, amount: int) -> None:
        self.chain(account).deposit(NATIVE_TOKEN, amount)

    def halt(self, terms: ModelTerms, owner: LocalAccount) -> None:
        self.chain(owner).set_oracle(terms, None)

    def make_wallet(self, address: str) -> None:
        self._node.rpc("anvil_setCode", address, _WALLET)

    def refuse_payments(self, address: str) -> None:
        self._node.rpc("anvil_setCode", address, _REFUSES)

    def reorganise(self, depth: int) -> None:
        self._node.rpc("anvil_reorg", depth, [])

    def paid(self, address: str) -> int:
        balance = self.chain(None).balance(address)
        return balance - self._start.setdefault(address, balance)
