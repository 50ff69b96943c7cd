"""The JSON-RPC node that serves the chain: how it is reached, what its errors mean, what it answers on accounts."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from eth_utils.address import to_checksum_address
from hexbytes import HexBytes
from web3 import Web3
from web3.contract import Contract
from web3.exceptions import BlockNotFound, ContractLogicError, Web3RPCError
from web3.middleware import ExtraDataToPOAMiddleware
from web3.providers import JSONBaseProvider
from web3.types import RPCEndpoint

from assay.bounded_http import BadAnswer, NoAnswer
from assay.chain.gas import OWN_GAS, WALLET_GAS
from assay.chain.interface import decode_revert
from assay.chain.remedies import remedy_of_node
from assay.chain.rpc.endpoint import ANSWER_SECONDS, ATTEMPTS, HttpEndpoint, HttpRefusal
from assay.chain.rpc.nodes import Nodes
from assay.chain.values import Block, SafeOwners, Transaction
from assay.errors import AssayError, ChainError, NodeUnreachable
from assay.protocol.types import NATIVE_TOKEN

_UNREACHABLE = (NoAnswer, ConnectionError)

OF_SEVERAL_SECONDS = 10.0
"""Seconds for one request to one of several nodes, before the next one is asked."""
SYNCHRONISED_WITHIN = 64
"""Blocks that a node may be behind by its own account: two epochs of Ethereum."""
_SHOWN_CHARACTERS = 300

_ERC20_ABI = [
    {
        "type": "function",
        "name": name,
        "stateMutability": mutability,
        "inputs": [{"name": "", "type": kind} for kind in inputs],
        "outputs": [{"name": "", "type": output}] if output else [],
    }
    for name, mutability, inputs, output in (
        ("approve", "nonpayable", ("address", "uint256"), None),
        ("allowance", "view", ("address", "address"), "uint256"),
        ("balanceOf", "view", ("address",), "uint256"),
    )
]

"""Some tokens return nothing from ``approve``, and none says more by it than by the allowance that it leaves."""

_ERC1271_MAGIC = bytes.fromhex("1626ba7e")
_ERC1271_ABI = [
    {
        "type": "function",
        "name": "isValidSignature",
        "stateMutability": "view",
        "inputs": [{"name": "hash", "type": "bytes32"}, {"name": "signature", "type": "bytes"}],
        "outputs": [{"name": "", "type": "bytes4"}],
    }
]
_SAFE_ABI = [
    {
        "type": "function",
        "name": name,
        "stateMutability": "view",
        "inputs": [],
        "outputs": [{"name": "", "type": kind}],
    }
    for name, kind in (("getOwners", "address[]"), ("getThreshold", "uint256"))
]


class Node:
    """One chain through its nodes.

    Args:
        endpoints: URLs of JSON-RPC endpoints of the same chain, also several in one string with commas between them,
            or web3 providers. If one does not answer, the next one is asked.
        timeout: Seconds for one request with its whole answer; of several endpoints each has ``OF_SEVERAL_SECONDS``
            at most.
        quorum: Number of endpoints that must agree on what money follows from (``rpc.nodes``); 0 for more than half.

    Raises:
        SettingsError: A URL is not http:// or https://, or so many endpoints cannot be a quorum.
    """

    def __init__(self, *endpoints: str | JSONBaseProvider, timeout: float = ANSWER_SECONDS, quorum: int = 1) -> None:
        named = [one for given in endpoints for one in (given.split(",") if isinstance(given, str) else [given])]
        attempts = ATTEMPTS
        if len(named) > 1:  # another node is asked in place of a second attempt
            attempts, timeout = 1, min(timeout, OF_SEVERAL_SECONDS)
        providers = [
            HttpEndpoint(one.strip(), timeout=timeout, attempts=attempts) if isinstance(one, str) else one
            for one in named
        ]
        self.nodes = Nodes(providers, quorum=quorum)
        self.url = ", ".join(str(provider) for provider in providers)
        self.web3 = Web3(self.nodes)
        # It asks for the chain's id twice before every call; ``Sender`` signs for one chain, which the node compares.
        self.web3.middleware_onion.remove("validation")
        # Clique, Polygon and others keep their signers' seals in ``extraData``, which web3 refuses otherwise.
        self.web3.middleware_onion.inject(ExtraDataToPOAMiddleware, layer=0)

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Translates what web3 raises in its context.

        Raises:
            NodeUnreachable: No endpoint answered.
            ContractReverted: The contract refused a call.
            ChainError: The node refused a request, or its answer makes no sense.
        """
        try:
            yield
        except AssayError:
            raise
        except _UNREACHABLE as error:
            raise NodeUnreachable(
                f"no answer from the node at {self.url}: {error or type(error).__name__}",
                hint="start the node or correct the URL, then run the same command again: nothing is lost",
            ) from error
        except HttpRefusal as error:
            raise ChainError(
                f"the node at {self.url} refused: {error}", hint=remedy_of_node(str(error), status=error.status)
            ) from error
        except (ContractLogicError, Web3RPCError) as error:
            reverted = decode_revert(_revert_data(error))
            if reverted:
                raise reverted from error
            message = _message_of(error)
            raise ChainError(f"the node refused: {message}", hint=remedy_of_node(message)) from error
        except BadAnswer as error:
            raise ChainError(f"the node at {self.url}: {error}", hint="use another node: --node") from error
        except Exception as error:
            # web3 and eth_abi name no common base for what they raise where an answer makes no sense.
            raise ChainError(
                f"unexpected answer from the node at {self.url}: {str(error)[:_SHOWN_CHARACTERS]}",
                hint="check the URL: it must be a node's JSON-RPC endpoint",
            ) from error

    def search(self, method: str, params: Any, start: bytes) -> Iterator[bytes]:
        """Runs of lower-case hex digits that begin with ``start``, in the text of an answer of any length.

        Endpoints over HTTP are asked one after the other.
        """
        for endpoint in self.nodes.endpoints:
            if isinstance(endpoint, HttpEndpoint):
                with self.errors():
                    yield from endpoint.search(method, params, start)

    def call(self, to: str, data: bytes, block: int | None = None) -> bytes:
        """What the contract at ``to`` answers to ``data``, in the state after ``block``; by default the latest.

        Raises:
            ContractReverted: It refused the call.
        """
        at = "latest" if block is None else hex(block)
        with self.errors():
            answer = self.nodes.make_request(RPCEndpoint("eth_call"), [{"to": to, "data": "0x" + data.hex()}, at])
            if "result" not in answer:
                raise Web3RPCError("eth_call", rpc_response=answer)
            return bytes.fromhex(answer["result"].removeprefix("0x"))

    def contract(self, address: str, abi: Any) -> Contract:
        """The contract at ``address`` with this interface."""
        return self.web3.eth.contract(address=to_checksum_address(address), abi=abi)

    def token(self, token: str) -> Contract:
        """The ERC-20 token at ``token``: ``approve``, ``allowance`` and ``balanceOf``."""
        return self.contract(token, _ERC20_ABI)

    def chain_id(self) -> int:
        """Id of the chain that the node serves."""
        with self.errors():
            return int(self.web3.eth.chain_id)

    def check_synchronised(self) -> None:
        """Verifies that the node does not say of itself that it lags behind the chain.

        Raises:
            ChainError: It does.
        """
        try:
            with self.errors():
                state = self.web3.eth.syncing
        except NodeUnreachable:
            raise
        except ChainError:
            return  # not every node serves this
        blocks: Any = state if hasattr(state, "get") else {}
        at, newest = blocks.get("currentBlock"), blocks.get("highestBlock")
        if isinstance(at, int) and isinstance(newest, int) and newest - at > SYNCHRONISED_WITHIN:
            raise ChainError(
                f"the node at {self.url} is still synchronising: it has block {at} of {newest}",
                hint="wait until the node has synchronised, or use another: --node",
            )

    def block(self, number: int | None = None) -> Block | None:
        """The block with this number, by default the latest one; None if the chain has none."""
        with self.errors():
            try:
                found = self.web3.eth.get_block("latest" if number is None else number)
            except BlockNotFound:
                return None
            return Block(int(found["number"]), bytes(found["hash"]), int(found["timestamp"]))

    def block_number(self) -> int:
        """Number of the latest block."""
        with self.errors():
            return int(self.web3.eth.block_number)

    def latest(self) -> Block:
        """The latest block.

        Raises:
            ChainError: The node has none.
        """
        found = self.block()
        if found is None:
            raise ChainError(f"the node at {self.url} has no block", hint="wait until the node has synchronised")
        return found

    def transaction(self, digest: bytes) -> Transaction:
        """The mined transaction with this hash."""
        with self.errors():
            receipt = self.web3.eth.get_transaction_receipt(HexBytes(digest))
            gas = int(receipt["gasUsed"])
            fee = gas * int(receipt.get("effectiveGasPrice", 0))
            return Transaction(digest, int(receipt["blockNumber"]), gas, str(receipt["from"]), fee)

    def balance(self, account: str, token: str = NATIVE_TOKEN) -> int:
        """Base units of ``token`` that ``account`` holds."""
        with self.errors():
            if token == NATIVE_TOKEN:
                return int(self.web3.eth.get_balance(to_checksum_address(account)))
            return int(self.token(token).functions.balanceOf(to_checksum_address(account)).call())

    def unmined(self, account: str) -> int:
        """Number of the transactions of ``account`` that the node knows and that no block contains yet."""
        address = to_checksum_address(account)
        with self.errors():
            known, mined = (int(self.web3.eth.get_transaction_count(address, at)) for at in ("pending", "latest"))
        return known - mined

    def allowance(self, token: str, owner: str, spender: str) -> int:
        """Base units of the ERC-20 ``token`` that ``spender`` may take from ``owner``."""
        with self.errors():
            call = self.token(token).functions.allowance(to_checksum_address(owner), to_checksum_address(spender))
            return int(call.call())

    def code(self, account: str) -> bytes:
        """Runtime code of ``account``; empty unless it is a contract."""
        with self.errors():
            return bytes(self.web3.eth.get_code(to_checksum_address(account)))

    def is_valid_signature(self, account: str, digest: bytes, signature: bytes) -> bool:
        """Whether the wallet contract at ``account`` accepts ``signature`` over ``digest``, 32 bytes (ERC-1271)."""
        wallet = self.contract(account, _ERC1271_ABI)
        try:
            with self.errors():
                answer = wallet.functions.isValidSignature(digest, signature).call({"gas": OWN_GAS + WALLET_GAS})
                return bytes(answer) == _ERC1271_MAGIC
        except NodeUnreachable:
            raise
        except ChainError:
            return False

    def safe_owners(self, account: str) -> SafeOwners | None:
        """Owners and threshold of the Safe at ``account``; None if it is none."""
        safe = self.contract(account, _SAFE_ABI).functions
        try:
            with self.errors():
                owners = safe.getOwners().call({"gas": OWN_GAS + WALLET_GAS})
                threshold = int(safe.getThreshold().call({"gas": OWN_GAS + WALLET_GAS}))
        except NodeUnreachable:
            raise
        except ChainError:
            return None
        return SafeOwners(tuple(map(str, owners)), threshold) if 1 <= threshold <= len(owners) else None


def _revert_data(error: Exception) -> bytes:
    data = getattr(error, "data", None) or _said(error).get("data")
    if isinstance(data, dict):
        data = data.get("data")
    try:
        return bytes.fromhex(data.removeprefix("0x")) if isinstance(data, str) else b""
    except ValueError:
        return b""


def _message_of(error: Exception) -> str:
    """What the node says, in one line: the message of its JSON-RPC error, without the envelope."""
    return str(_said(error).get("message") or error)[:_SHOWN_CHARACTERS]


def _said(error: Exception) -> dict[str, Any]:
    """The JSON-RPC error of a node; empty if there is none."""
    response = getattr(error, "rpc_response", None)
    said = response.get("error") if isinstance(response, dict) else None
    return said if isinstance(said, dict) else {}
