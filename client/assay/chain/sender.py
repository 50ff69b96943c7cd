"""Transactions of one account: simulated, signed, sent, and sent again for a higher fee until they are mined."""

import re
import threading
import time
from contextlib import suppress
from typing import Any, Protocol

from eth_account.datastructures import SignedTransaction
from eth_typing import ChecksumAddress
from hexbytes import HexBytes
from web3.exceptions import TransactionNotFound, Web3RPCError
from web3.types import RPCEndpoint, TxParams, TxReceipt, Wei

from assay.chain.node import Node
from assay.chain.values import Transaction
from assay.errors import ChainError, SettingsError, TransactionFailed, TransactionPending

GAS_MARGIN = 1.25
"""Gas limit over estimate: state may change between the two."""
FEE_OFFERS = 4
"""How often a transaction is sent, each time for twice the fee, before it is left pending."""
POLL_SECONDS = 0.1
"""Seconds between the first two requests for a transaction's receipt; later ones are further apart."""
MOST_POLL_SECONDS = 2.0
NUMBER_ATTEMPTS = 20
"""How often a transaction gets another number, because another command with the same key took the one it had."""
_FEES = ("gasPrice", "maxFeePerGas", "maxPriorityFeePerGas")
_TAKEN = re.compile(r"replacement transaction underpriced|nonce too low|nonce.*(used|expected|lower)", re.I)
"""How nodes say that another transaction of the account has the same number."""
_GWEI = 10**9


class TransactionSigner(Protocol):
    """Signs transactions of one account: ``eth_account``'s ``LocalAccount``, or a remote signer."""

    @property
    def address(self) -> ChecksumAddress:
        """The account."""
        ...

    def sign_transaction(self, transaction_dict: Any, /) -> SignedTransaction:
        """The signed transaction, ready to be sent."""
        ...


class Sender:
    """Sends transactions of ``signer``.

    Args:
        node: Where they are simulated and sent.
        chain_id: Chain that they are valid on.
        signer: The account; None for a client that reads only.
        timeout: Seconds to wait for a transaction to be mined. Until then its fee is doubled ``FEE_OFFERS - 1`` times.
    """

    def __init__(self, node: Node, chain_id: int, signer: TransactionSigner | None, *, timeout: float) -> None:
        self._node = node
        self._web3 = node.web3
        self._chain_id = chain_id
        self._signer = signer
        self._timeout = timeout
        self._lock = threading.Lock()

    @property
    def signer(self) -> TransactionSigner:
        """The account that signs.

        Raises:
            SettingsError: The client has no account.
        """
        if self._signer is None:
            raise SettingsError("expected a key to send transactions with, got none", hint="name a keystore")
        return self._signer

    def unmined(self) -> int:
        """Number of the account's transactions that the node knows and that no block contains yet."""
        if self._signer is None:
            return 0
        address = self._signer.address
        with self._node.errors():
            counts = [self._web3.eth.get_transaction_count(address, at) for at in ("pending", "latest")]
        return counts[0] - counts[1]

    def send(self, function: Any, value: int = 0, *, gas_limit: int | None = None) -> Transaction:
        """Simulates the call ``function`` (a web3 contract function with arguments), sends it, waits until it is mined.

        The simulation has the transaction's bound on gas, costs nothing, and raises the contract's own error.

        Args:
            function: What is called.
            value: Wei to pay with the call.
            gas_limit: Gas units that the transaction may use at most, whatever the estimate says.

        Raises:
            SettingsError: The client has no account.
            ContractReverted: The contract refuses the call in the simulation; nothing was sent.
            TransactionFailed: The contract refused it in the block.
            TransactionPending: The transaction was not mined in time.
        """
        signer = self.signer
        with self._node.errors():
            sender: TxParams = {"from": signer.address, "value": value}  # type: ignore[typeddict-item]
            bound: TxParams = {} if gas_limit is None else {"gas": gas_limit}
            function.call({**sender, **bound})
            gas = int(function.estimate_gas({**sender, **bound}) * GAS_MARGIN)
            gas = gas if gas_limit is None else min(gas, gas_limit)
            with self._lock:
                transaction, digest = self._first(function, {**sender, "gas": gas, "chainId": self._chain_id})
            return self._mined(self._wait(transaction, digest), function, sender)

    def _first(self, function: Any, values: TxParams) -> tuple[TxParams, HexBytes]:
        """Sends the transaction under the account's next number, again if another command was faster with it."""
        for attempt in range(1, NUMBER_ATTEMPTS + 1):
            number = self._web3.eth.get_transaction_count(self.signer.address, "pending")
            transaction = function.build_transaction({**values, **self._fees(), "nonce": number})
            try:
                return transaction, self._submit(transaction)
            except Web3RPCError as error:
                if attempt == NUMBER_ATTEMPTS or not _TAKEN.search(str(error)):
                    raise
                time.sleep(min(MOST_POLL_SECONDS, attempt * POLL_SECONDS))
        raise AssertionError("unreachable")

    def _fees(self) -> TxParams:
        """What to offer for gas: by EIP-1559 where blocks have a base fee, else one price."""
        base = self._web3.eth.get_block("latest").get("baseFeePerGas")
        if base is None:
            return {"gasPrice": self._web3.eth.gas_price}
        try:
            named = self._web3.manager.request_blocking(RPCEndpoint("eth_maxPriorityFeePerGas"), [])
            tip = int(str(named), 16)
        except Web3RPCError:
            tip = max(self._web3.eth.gas_price - base, 0) or _GWEI
        return {"maxFeePerGas": Wei(2 * base + tip), "maxPriorityFeePerGas": Wei(tip)}

    def _submit(self, transaction: TxParams) -> HexBytes:
        """Sends ``transaction``. A repeated request, after a lost answer, may be refused as known: then it was sent."""
        signed = self.signer.sign_transaction(transaction)
        try:
            return self._web3.eth.send_raw_transaction(signed.raw_transaction)
        except Web3RPCError:
            with suppress(TransactionNotFound):
                self._web3.eth.get_transaction(signed.hash)
                return signed.hash
            raise

    def _wait(self, transaction: TxParams, digest: HexBytes) -> TxReceipt:
        """Waits until ``transaction`` is mined. Meanwhile doubles its fee again and again.

        A key in the mempool must be in a block before the deadline, however fees change.

        Raises:
            TransactionPending: It was not mined in time.
        """
        digests, end, pause = [digest], time.monotonic() + self._timeout, POLL_SECONDS
        for offer in range(1, FEE_OFFERS + 1):
            while time.monotonic() < end - self._timeout * (1 - offer / FEE_OFFERS):
                for sent in digests:
                    with suppress(TransactionNotFound):
                        return self._web3.eth.get_transaction_receipt(sent)
                time.sleep(pause)
                pause = min(1.2 * pause, MOST_POLL_SECONDS)
            fees = {name: 2 * transaction[name] for name in _FEES if name in transaction}  # type: ignore[literal-required]
            transaction = {**transaction, **fees}  # type: ignore[typeddict-item]
            if offer < FEE_OFFERS:
                # The node may refuse it: the first was mined this moment, or the account cannot pay so much.
                with suppress(Web3RPCError):
                    digests.append(self._submit(transaction))
        if self._web3.eth.get_transaction_count(self.signer.address, "latest") > transaction["nonce"]:
            raise TransactionPending(
                f"another transaction of this account took the place of transaction {digests[-1].to_0x_hex()}",
                hint="let commands with one key run one after the other; look at the state, then run this one again",
            )
        raise TransactionPending(
            f"not mined within {self._timeout:.0f} s: transaction {digests[-1].to_0x_hex()}",
            hint="it may still be mined: look at the state first (assay orders, assay model status)",
        )

    def _mined(self, receipt: TxReceipt, function: Any, sender: TxParams) -> Transaction:
        digest, gas = bytes(receipt["transactionHash"]), receipt["gasUsed"]
        if receipt["status"] == 1:
            return Transaction(digest, receipt["blockNumber"], gas)
        reason, hint = "", None
        try:
            with self._node.errors():
                function.call(sender, receipt["blockNumber"])
        except ChainError as error:
            reason, hint = f": {error.message}", error.hint
        raise TransactionFailed(f"transaction 0x{digest.hex()} was mined and failed{reason}", gas=gas, hint=hint)
