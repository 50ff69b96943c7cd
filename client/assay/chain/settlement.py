"""The settlement contract over a node's JSON-RPC: a method for every step of a sale.

Every transaction is simulated first, so that a refusal costs nothing and carries the contract's own error. Reads are
of the latest block unless they say otherwise.
"""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

import requests
from eth_account.signers.local import LocalAccount
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak
from hexbytes import HexBytes
from web3 import Web3
from web3.exceptions import ContractLogicError, TransactionNotFound, Web3Exception, Web3RPCError
from web3.types import TxParams, TxReceipt

from assay.chain.interface import Deployment, contract_interface, decode_revert
from assay.chain.values import ModelState, OrderState, PostedOrder, RevealedData, Transaction
from assay.errors import (
    AssayError,
    ChainError,
    ContractMissing,
    NodeUnreachable,
    SettingsError,
    TransactionPending,
    WrongChain,
)
from assay.protocol.seal import ChunkProof
from assay.protocol.statements import Domain
from assay.protocol.types import NATIVE_TOKEN, ModelTerms, Order, Quote, Status

GAS_MARGIN = 1.25
"""Gas limit over estimate: state may change between the two."""
FEE_OFFERS = 4
"""How often a transaction is sent, each time for twice the fee, before it is left pending."""
_FEES = ("maxFeePerGas", "maxPriorityFeePerGas")
LOCAL_CHAINS = (1337, 31337)
"""Chain ids of development nodes, which do not reorganise."""
CONFIRMATIONS = 12
"""Blocks after which a public chain's order is taken to stay."""

_ERC20_ABI = [
    {
        "type": "function",
        "name": name,
        "stateMutability": mutability,
        "inputs": [{"name": "", "type": kind} for kind in inputs],
        "outputs": [{"name": "", "type": output}],
    }
    for name, mutability, inputs, output in (
        ("approve", "nonpayable", ("address", "uint256"), "bool"),
        ("allowance", "view", ("address", "address"), "uint256"),
        ("balanceOf", "view", ("address",), "uint256"),
    )
]

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

T = TypeVar("T")


def _revert_data(error: Exception) -> bytes:
    data = getattr(error, "data", None)
    if isinstance(data, dict):
        data = data.get("data")
    try:
        return bytes.fromhex(data.removeprefix("0x")) if isinstance(data, str) else b""
    except ValueError:
        return b""


class SettlementClient:
    """The contract at ``contract``, through the node at ``node``; ``account`` signs what is sent, if anything is.

    Args:
        node: URL of the JSON-RPC endpoint.
        contract: address of the settlement contract.
        chain_id: the chain that the node must serve.
        account: who sends transactions; reading needs none.
        confirmations: blocks that must follow an order's before a key is risked on it; by default none on a local
            chain and ``CONFIRMATIONS`` on any other.
        timeout: seconds to wait for a transaction to be mined; within them it is sent again for more.
        from_block: where the contract's events begin.
    """

    def __init__(
        self,
        node: str,
        contract: str,
        *,
        chain_id: int,
        account: LocalAccount | None = None,
        confirmations: int | None = None,
        timeout: float = 120,
        from_block: int = 0,
    ) -> None:
        self.node = node
        self.domain = Domain(chain_id=chain_id, contract=contract)
        self.account = account
        depth = 0 if chain_id in LOCAL_CHAINS else CONFIRMATIONS
        self._confirmations = depth if confirmations is None else confirmations
        self._timeout = timeout
        self._from_block = from_block
        self._web3 = Web3(Web3.HTTPProvider(node, request_kwargs={"timeout": 30}))
        self._contract = self._web3.eth.contract(address=to_checksum_address(contract), abi=contract_interface()["abi"])
        self._sending = threading.Lock()
        self._terms: dict[bytes, ModelTerms] = {}

    @classmethod
    def of(cls, node: str, deployment: Deployment, **options: Any) -> "SettlementClient":
        """The contract of a deployment record."""
        return cls(node, deployment.address, chain_id=deployment.chain_id, from_block=deployment.block, **options)

    # --- the node -----------------------------------------------------------------------------------------------------

    @contextmanager
    def _talking(self) -> Iterator[None]:
        try:
            yield
        except AssayError:
            raise
        except (requests.RequestException, ConnectionError) as error:
            raise NodeUnreachable(
                f"no answer from the node at {self.node}: {type(error).__name__}",
                hint="start the node or correct the URL, then run the same command again: nothing is lost",
            ) from error
        except (ContractLogicError, Web3RPCError) as error:
            reverted = decode_revert(_revert_data(error))
            if reverted:
                raise reverted from error
            raise ChainError(f"the node refused: {error}") from error
        except (Web3Exception, ValueError, TypeError, KeyError) as error:
            raise ChainError(
                f"unexpected answer from the node at {self.node}: {error}",
                hint="check the URL: it must be a node's JSON-RPC endpoint",
            ) from error

    def check(self) -> None:
        """Checks that the node serves the expected chain and that our contract is there.

        Raises:
            NodeUnreachable: no answer.
            WrongChain: another chain.
            ContractMissing: no code at the address, or other code.
        """
        with self._talking():
            chain_id = self._web3.eth.chain_id
            if chain_id != self.domain.chain_id:
                raise WrongChain(
                    f"expected chain {self.domain.chain_id} at {self.node}, got chain {chain_id}",
                    hint="correct the node's URL or the deployment record",
                )
            code = bytes(self._web3.eth.get_code(self._contract.address))
        expected = contract_interface()["runtime_code_hash"]
        if not code or "0x" + keccak(code).hex() != expected:
            found = "no code" if not code else f"code with hash 0x{keccak(code).hex()}"
            raise ContractMissing(
                f"expected the settlement contract (code hash {expected}) at {self._contract.address}, found {found}",
                hint="deploy it on this chain (ape run deploy) or correct the address",
            )

    def block_time(self) -> int:
        """Unix time of the latest block: the clock that the contract's deadlines run by."""
        with self._talking():
            return int(self._web3.eth.get_block("latest")["timestamp"])

    def block_number(self) -> int:
        """Number of the latest block."""
        with self._talking():
            return int(self._web3.eth.block_number)

    def is_confirmed(self, block: int) -> bool:
        """Whether ``block`` lies so deep that a reorganisation need not be feared."""
        return self.block_number() >= block + self._confirmations

    def balance(self, account: str, token: str = NATIVE_TOKEN) -> int:
        """Base units of ``token`` that ``account`` holds outside the contract."""
        with self._talking():
            if token == NATIVE_TOKEN:
                return int(self._web3.eth.get_balance(to_checksum_address(account)))
            return int(self._token(token).functions.balanceOf(to_checksum_address(account)).call())

    def is_contract(self, account: str) -> bool:
        """Whether ``account`` has code; the signatures of such accounts are judged on chain (ERC-1271)."""
        with self._talking():
            return len(self._web3.eth.get_code(to_checksum_address(account))) > 0

    def is_valid_signature(self, account: str, digest: bytes, signature: bytes) -> bool:
        """Whether the wallet at ``account`` takes ``signature`` over ``digest`` (32 bytes) for its own (ERC-1271)."""
        contract = self._web3.eth.contract(address=to_checksum_address(account), abi=_ERC1271_ABI)
        try:
            with self._talking():
                return bytes(contract.functions.isValidSignature(digest, signature).call()) == _ERC1271_MAGIC
        except NodeUnreachable:
            raise
        except ChainError:
            return False

    def unmined(self) -> int:
        """Transactions of the account that the node knows of and that are in no block yet."""
        if self.account is None:
            return 0
        with self._talking():
            counts = [self._web3.eth.get_transaction_count(self.account.address, at) for at in ("pending", "latest")]
        return counts[0] - counts[1]

    def _token(self, token: str) -> Any:
        return self._web3.eth.contract(address=to_checksum_address(token), abi=_ERC20_ABI)

    def _call(self, name: str, *arguments: Any) -> Any:
        with self._talking():
            return self._contract.functions[name](*arguments).call()

    def _send(self, name: str, *arguments: Any, value: int = 0) -> Transaction:
        return self._transact(self._contract.functions[name](*arguments), value)

    def _batch(self, name: str, calls: Sequence[tuple[Any, ...]]) -> Transaction:
        return self._send("batch", [self._contract.encode_abi(name, list(arguments)) for arguments in calls])

    def _transact(self, function: Any, value: int = 0) -> Transaction:
        if self.account is None:
            raise SettingsError("expected a key to send transactions with, got none", hint="name a keystore")
        with self._talking():
            sender: TxParams = {"from": self.account.address, "value": value}  # type: ignore[typeddict-item]
            function.call(sender)
            with self._sending:
                transaction = function.build_transaction(
                    {
                        **sender,
                        "chainId": self.domain.chain_id,
                        "nonce": self._web3.eth.get_transaction_count(self.account.address, "pending"),
                        "gas": int(function.estimate_gas(sender) * GAS_MARGIN),
                    }
                )
                digest = self._submit(transaction)
            return self._mined(self._wait(transaction, digest), function, sender)

    def _submit(self, transaction: TxParams) -> HexBytes:
        assert self.account is not None
        signed = self.account.sign_transaction(transaction)  # type: ignore[arg-type]
        return self._web3.eth.send_raw_transaction(signed.raw_transaction)

    def _wait(self, transaction: TxParams, digest: HexBytes) -> TxReceipt:
        """Waits until ``transaction`` is mined; while it is not, offers twice as much for it again and again.

        A key in the mempool must be in a block before the deadline, whatever becomes of fees meanwhile.

        Raises:
            TransactionPending: it was not mined in time.
        """
        digests, end = [digest], time.monotonic() + self._timeout
        for offer in range(1, FEE_OFFERS + 1):
            while time.monotonic() < end - self._timeout * (1 - offer / FEE_OFFERS):
                for sent in digests:
                    with suppress(TransactionNotFound):
                        return self._web3.eth.get_transaction_receipt(sent)
                time.sleep(0.1)
            fees = {name: 2 * transaction[name] for name in _FEES}  # type: ignore[literal-required]
            transaction = {**transaction, **fees}  # type: ignore[typeddict-item]
            if offer < FEE_OFFERS:
                # The node may refuse it: the first was mined this moment, or the account cannot pay so much.
                with suppress(Web3RPCError):
                    digests.append(self._submit(transaction))
        raise TransactionPending(
            f"not mined within {self._timeout:.0f} s: transaction {digests[-1].to_0x_hex()}",
            hint="it may still be mined: look at the state first (assay orders, assay model status)",
        )

    def _mined(self, receipt: TxReceipt, function: Any, sender: TxParams) -> Transaction:
        digest = bytes(receipt["transactionHash"])
        if receipt["status"] != 1:
            function.call(sender, receipt["blockNumber"] - 1)
            raise ChainError(f"transaction 0x{digest.hex()} was mined and failed")
        return Transaction(digest, receipt["blockNumber"], receipt["gasUsed"])

    # --- models -------------------------------------------------------------------------------------------------------

    def model_id(self, terms: ModelTerms) -> bytes:
        """Id of ``terms`` on this chain and contract: 32 bytes."""
        return terms.model_id(self.domain.chain_id, self.domain.contract)

    def register_model(self, terms: ModelTerms, oracle: str) -> Transaction:
        """Registers ``terms``; the account is ``terms.owner``."""
        return self._send("registerModel", terms.abi_values(), to_checksum_address(oracle))

    def fund(self, terms: ModelTerms, amount: int) -> Transaction:
        """Adds ``amount`` base units to the budget; approves the token first where that is needed."""
        return self._send("fund", terms.abi_values(), amount, value=self._payable(terms.token, amount))

    def withdraw(self, terms: ModelTerms, amount: int, to: str) -> Transaction:
        """Takes ``amount`` base units out of the unspent budget."""
        return self._send("withdraw", terms.abi_values(), amount, to_checksum_address(to))

    def set_oracle(self, terms: ModelTerms, oracle: str | None) -> Transaction:
        """Replaces the oracle; None halts the model."""
        return self._send("setOracle", terms.abi_values(), to_checksum_address(oracle or NATIVE_TOKEN))

    def model_state(self, model_id: bytes) -> ModelState:
        """Oracle and budget of a model."""
        oracle, budget, registered = self._call("modelState", model_id)
        return ModelState(None if oracle == NATIVE_TOKEN else oracle, budget, registered)

    def model_terms(self, model_id: bytes) -> tuple[ModelTerms, str] | None:
        """Terms and first oracle of a registered model, from its event."""
        for log in self._logs("ModelRegistered", modelId=model_id):
            arguments = log["args"]
            terms = dict(zip(ModelTerms.model_fields, _struct(arguments["terms"]), strict=True))
            return ModelTerms(**terms), arguments["oracle"]
        return None

    # --- bonds and credit ---------------------------------------------------------------------------------------------

    def deposit(self, token: str, amount: int) -> Transaction:
        """Adds to the account's credit, from which seller bonds are taken."""
        return self._send("deposit", to_checksum_address(token), amount, value=self._payable(token, amount))

    def withdraw_credit(self, token: str, amount: int, to: str) -> Transaction:
        """Pays out of the account's credit."""
        return self._send("withdrawCredit", to_checksum_address(token), amount, to_checksum_address(to))

    def credit(self, token: str, account: str) -> int:
        """Credit of ``account`` in base units of ``token``."""
        return int(self._call("creditOf", to_checksum_address(token), to_checksum_address(account)))

    def bond_oracle(self, terms: ModelTerms, oracle: str, amount: int) -> Transaction:
        """Adds to the oracle's bond for this model."""
        value = self._payable(terms.token, amount)
        return self._send("bondOracle", terms.abi_values(), to_checksum_address(oracle), amount, value=value)

    def request_oracle_bond_exit(self, model_id: bytes) -> Transaction:
        """Starts the exit of the account's bond."""
        return self._send("requestOracleBondExit", model_id)

    def withdraw_oracle_bond(self, terms: ModelTerms) -> Transaction:
        """Credits the account with its unlocked bond."""
        return self._send("withdrawOracleBond", terms.abi_values())

    def oracle_bond(self, model_id: bytes, oracle: str) -> tuple[int, int]:
        """Amount of a bond in base units, and when it unlocks (0: no exit requested)."""
        amount, unlocks_at, _revoked = self._call("oracleState", model_id, to_checksum_address(oracle))
        return amount, unlocks_at

    def report_equivocation(
        self, terms: ModelTerms, oracle: str, first: tuple[Quote, bytes], second: tuple[Quote, bytes]
    ) -> Transaction:
        """Proves that ``oracle`` signed two quotes for one pair that differ in price, seller or commitment."""
        return self._send(
            "reportEquivocation",
            terms.abi_values(),
            to_checksum_address(oracle),
            [first[0].abi_values(), second[0].abi_values()],
            [first[1], second[1]],
        )

    def _payable(self, token: str, amount: int) -> int:
        """Native value to send along; for an ERC-20, raises the allowance where it is too small, and returns 0."""
        if token == NATIVE_TOKEN:
            return amount
        if self.account is None:
            raise SettingsError("expected a key to send transactions with, got none", hint="name a keystore")
        contract = self._token(token)
        with self._talking():
            allowance = contract.functions.allowance(self.account.address, self.domain.contract).call()
        if allowance < amount:
            self._transact(contract.functions.approve(self.domain.contract, amount))
        return 0

    # --- sale ---------------------------------------------------------------------------------------------------------

    def post(
        self, terms: ModelTerms, quote: Quote, oracle_signature: bytes, key_hash: bytes, seller_signature: bytes
    ) -> Transaction:
        """Locks the payment for an accepted quote."""
        return self._send("post", terms.abi_values(), quote.abi_values(), oracle_signature, key_hash, seller_signature)

    def reveal_key(self, order: Order, key: bytes, receipt: bytes = b"") -> Transaction:
        """Reveals the key of a locked order."""
        return self._send("revealKey", order.abi_values(), key, receipt)

    def reveal_keys(self, orders: Sequence[Order], keys: Sequence[bytes], receipts: Sequence[bytes]) -> Transaction:
        """Reveals the keys of several orders, at most 64; those revealed already are passed over."""
        reveals = zip(orders, keys, receipts, strict=True)
        return self._batch("revealKey", [(order.abi_values(), key, receipt) for order, key, receipt in reveals])

    def reveal_data(
        self, order: Order, chunk_size: int, plaintext: bytes, sealed_digests: Sequence[bytes]
    ) -> Transaction:
        """Reveals the data itself, publicly, and pays the seller at once."""
        return self._send("revealData", order.abi_values(), chunk_size, plaintext, list(sealed_digests))

    def dispute(self, order: Order, key: bytes, proof: ChunkProof) -> Transaction:
        """Proves that the revealed key does not open a committed chunk."""
        return self._send("dispute", order.abi_values(), key, proof.abi_values())

    def settle(self, order: Order, acknowledgement: bytes) -> Transaction:
        """Pays the seller with the buyer's signed consent."""
        return self._send("settle", order.abi_values(), acknowledgement)

    def finalize(self, order: Order) -> Transaction:
        """Pays the seller of a revealed order after the dispute window."""
        return self._send("finalize", order.abi_values())

    def finalize_batch(self, orders: Sequence[Order]) -> Transaction:
        """Pays the sellers of several revealed orders, at most 64; those closed already are passed over."""
        return self._batch("finalize", [(order.abi_values(),) for order in orders])

    def refund(self, order: Order) -> Transaction:
        """Returns the payment after the reveal window passed in silence."""
        return self._send("refund", order.abi_values())

    # --- orders -------------------------------------------------------------------------------------------------------

    def order_state(self, order_id: bytes) -> OrderState:
        """State of a pair."""
        status, deadline, digest = self._call("orderState", order_id)
        return OrderState(Status(status), deadline, digest.to_bytes(26, "big"))

    def posted(
        self, *, order_id: bytes | None = None, model_id: bytes | None = None, seller: str | None = None
    ) -> list[PostedOrder]:
        """Orders of an id, a model or a seller, oldest first, as their events announced them."""
        topics: dict[str, Any] = {}
        if order_id is not None:
            topics["orderId"] = order_id
        if model_id is not None:
            topics["modelId"] = model_id
        if seller is not None:
            topics["seller"] = to_checksum_address(seller)
        return [
            PostedOrder(self._order(log["args"]), log["blockNumber"], bytes(log["transactionHash"]))
            for log in self._logs("OrderPosted", **topics)
        ]

    def _order(self, announced: Any) -> Order:
        """The order of an ``OrderPosted`` event: what the event leaves out are the model's terms."""
        model_id = bytes(announced["modelId"])
        if model_id not in self._terms:
            found = self.model_terms(model_id)
            if found is None:
                raise ChainError(
                    f"expected the registration of model 0x{model_id.hex()} in the node's logs, found none",
                    hint="use a node that keeps logs from the contract's deployment on",
                )
            self._terms[model_id] = found[0]
        terms = self._terms[model_id]
        return Order(
            model_id=model_id,
            content_id=bytes(announced["contentId"]),
            buyer=terms.owner,
            seller=announced["seller"],
            token=terms.token,
            price=announced["price"],
            seller_bond=terms.seller_bond,
            dispute_window=terms.dispute_window,
            require_receipt=terms.require_receipt,
            data_root=bytes(announced["dataRoot"]),
            key_hash=bytes(announced["keyHash"]),
        )

    def revealed_key(self, order_id: bytes) -> bytes | None:
        """The key that was revealed on chain for an order, if any."""
        for log in self._logs("KeyRevealed", orderId=order_id):
            return bytes(log["args"]["key"])
        return None

    def revealed_data(self, order_id: bytes) -> RevealedData | None:
        """What was revealed on chain for an order in place of its key, if that was.

        Raises:
            ChainError: it was revealed through another contract, which the transaction alone does not show.
        """
        for log in self._logs("DataRevealed", orderId=order_id):
            digest = bytes(log["transactionHash"])
            with self._talking():
                sent = self._web3.eth.get_transaction(HexBytes(digest))
            try:
                function, arguments = self._contract.decode_function_input(sent["input"])
            except ValueError:
                function, arguments = None, {}
            if sent["to"] != self._contract.address or function is None or function.fn_name != "revealData":
                raise ChainError(
                    f"the data was revealed through another contract, in transaction 0x{digest.hex()}",
                    hint="take the data out of that transaction's calls with a tracing node",
                )
            digests = tuple(bytes(sealed) for sealed in arguments["sealedDigests"])
            return RevealedData(arguments["chunkSize"], bytes(arguments["plaintext"]), digests)
        return None

    def steps(self, order_id: bytes) -> dict[str, Transaction]:
        """Transactions that moved an order, oldest first, by the contract function that each called."""
        with self._talking():
            logs = self._web3.eth.get_logs(
                {"address": self._contract.address, "fromBlock": self._from_block, "topics": [None, HexBytes(order_id)]}
            )
            found: dict[str, Transaction] = {}
            for digest in dict.fromkeys(bytes(log["transactionHash"]) for log in logs):
                call = self._web3.eth.get_transaction(HexBytes(digest))["input"]
                receipt = self._web3.eth.get_transaction_receipt(HexBytes(digest))
                function, _ = self._contract.decode_function_input(call)
                found[function.fn_name] = Transaction(digest, receipt["blockNumber"], receipt["gasUsed"])
            return found

    def _logs(self, event: str, **topics: Any) -> list[Any]:
        with self._talking():
            return list(self._contract.events[event]().get_logs(argument_filters=topics, from_block=self._from_block))


def _struct(value: Any) -> list[Any]:
    """A decoded Solidity struct as its values in order."""
    return list(value.values()) if hasattr(value, "values") else list(value)
