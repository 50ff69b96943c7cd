"""Transactions of one account: simulated, signed, sent, and sent again for a higher fee until they are mined."""

import logging
import re
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from itertools import groupby
from typing import Any, cast

from hexbytes import HexBytes
from web3.exceptions import Web3RPCError
from web3.types import TxParams

from assay.chain.fees import displacing, first_offer, raised
from assay.chain.gas import DEFAULT_MAX_FEE
from assay.chain.node import Node
from assay.chain.port import Outbox, TransactionSigner
from assay.chain.rpc.endpoint import HttpRefusal
from assay.chain.values import EndedLate, Mined, SignedOffer, Transaction
from assay.errors import (
    ChainError,
    ContractReverted,
    NodeUnreachable,
    SettingsError,
    TransactionFailed,
    TransactionPending,
)

GAS_MARGIN = 1.25
"""Gas limit over estimate: state may change between the two."""
FEE_OFFERS = 4
"""How often a transaction is sent, each time for up to twice the fee, before it is left pending."""
AGAIN_SECONDS = 5.0
"""Pause before a transaction that stays unmined is sent again as it is.

It may never have arrived, a node may have dropped it, or a reorganisation removed it; all others wait for it.
"""
POLL_SECONDS = 0.1
"""Seconds between the first two requests for a transaction's receipt; later ones are further apart."""
MOST_POLL_SECONDS = 2.0
NUMBER_ATTEMPTS = 20
"""How often a transaction's number is asked for, because another command with the same key took the one it had."""
NUMBERS = 4
"""Numbers, at most, that one transaction is signed with: a node could keep each of them, and send all of them later."""
_UNDERPRICED = re.compile(r"underpriced|replace", re.I)
"""How nodes say that the other transaction with a number pays more."""
_TAKEN = re.compile(r"replacement transaction underpriced|nonce too low|nonce.*(used|expected|lower)", re.I)
"""How nodes say that another transaction of the account has the same number."""

log = logging.getLogger(__name__)


class Sender:
    """Sends transactions of ``signer``.

    Args:
        node: Where they are simulated and sent.
        chain_id: Chain that they are valid on.
        signer: The account; None for a client that reads only.
        timeout: Seconds to wait for a transaction to be mined. Until then its fee is raised ``FEE_OFFERS - 1`` times.
        max_fee: The most that one transaction may cost for its gas, in base units of the native coin.

    Attributes:
        outbox: Keeps what was signed before it is sent; None for a client whose user repeats a command.
        capped: Numbers of unmined transactions whose fee cannot rise any more.
    """

    def __init__(
        self,
        node: Node,
        chain_id: int,
        signer: TransactionSigner | None,
        *,
        timeout: float,
        max_fee: int = DEFAULT_MAX_FEE,
    ) -> None:
        self._node = node
        self._web3 = node.web3
        self._chain_id = chain_id
        self._signer = signer
        self._timeout = timeout
        self._max_fee = max_fee
        self._lock = threading.Lock()
        self._offered: dict[int, float] = {}
        """When this process made the last offer, or first saw it, by number; on the monotonic clock."""
        self._sent: dict[bytes, float] = {}
        self._told: set[int] = set()
        """Numbers of kept transactions whose end somebody knows, who waited for it."""
        self._ended: list[EndedLate] = []
        self._has_looked = False
        self.outbox: Outbox | None = None
        self.capped: set[int] = set()

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
        """Number of the account's transactions that are in no block yet: those that the node knows, or the outbox."""
        if self._signer is None:
            return 0
        address = self._signer.address
        with self._node.errors():
            known, mined = (int(self._web3.eth.get_transaction_count(address, at)) for at in ("pending", "latest"))
        kept = {signed.number for signed in self._kept() if signed.number >= mined}
        return max(known - mined, len(kept))

    def _kept(self) -> list[SignedOffer]:
        return self.outbox.of(self.signer.address) if self.outbox and self._signer else []

    def resend(self, confirmations: int) -> list[EndedLate]:
        """Goes on with the transactions of the outbox, whichever process signed them; waits for none.

        One that no block contains is sent again as it is, and after its time for a higher fee under its number. One
        that lies ``confirmations`` blocks deep is forgotten, as is one whose number another transaction took. What a
        reorganisation removes is therefore sent again.

        Returns:
            Transactions that were mined since the last time, and that nobody had waited for so long. What was mined
            before the first time was told by the process before.

        Raises:
            NodeUnreachable: No answer.
        """
        kept = self._kept()
        self._told.difference_update([number for number in self._told if kept and number < kept[0].number])
        for number, group in groupby(kept, key=lambda signed: signed.number):
            offers = list(group)
            with self._node.errors():
                used = int(self._web3.eth.get_transaction_count(self.signer.address, "latest")) > number
            mined = next(filter(None, (self._receipt(offer.digest) for offer in offers)), None)
            if mined is None and not used:
                self._press(offers[-1])
            elif mined is None or self._node.block_number() >= mined.block + confirmations:
                self._forget(offer.digest for offer in offers)
                self._offered.pop(number, None)
            if mined is not None:
                self.capped.discard(number)
                self._end(next(offer for offer in offers if offer.digest == mined.digest), mined)
        self._has_looked = True
        ended, self._ended = self._ended, []
        return ended

    def _end(self, offer: SignedOffer, mined: Mined) -> None:
        """Tells of a transaction that ended, once."""
        if self._has_looked and offer.number not in self._told:
            call: Any = {"from": self.signer.address, **{name: offer.fields[name] for name in ("to", "data", "value")}}
            refusal = None if mined.succeeded else self._refusal(lambda: self._web3.eth.call(call, mined.block))
            error = refusal.error if isinstance(refusal, ContractReverted) else ""
            self._ended.append(EndedLate(offer.fields["data"], mined.succeeded, mined.gas, error))
        self._told.add(offer.number)

    def _press(self, offer: SignedOffer) -> None:
        """Sends an unmined transaction again, for more once its last offer has had its time."""
        now = time.monotonic()
        began = self._offered.setdefault(offer.number, now)
        if now >= began + self._timeout / FEE_OFFERS:
            self._offered[offer.number] = now
            dearer = self._dearer(cast(TxParams, offer.fields))
            if dearer is not None and self._replacement(dearer):
                return
        self._send_again(offer)

    def _send_again(self, offer: SignedOffer) -> None:
        """Sends an unmined transaction as it is, unless it was sent a moment ago.

        Raises:
            NodeUnreachable: No answer.
        """
        now = time.monotonic()
        if now < self._sent.get(offer.digest, float("-inf")) + AGAIN_SECONDS:
            return
        self._sent[offer.digest] = now
        try:
            with self._node.errors():
                self._web3.eth.send_raw_transaction(HexBytes(offer.raw))
        except NodeUnreachable:
            raise
        except ChainError:
            return  # known, or mined this moment: the receipt tells

    def _dearer(self, transaction: TxParams) -> TxParams | None:
        """``transaction`` for more; None, with a word in the log, at the most."""
        dearer, number = raised(transaction, self._max_fee), int(transaction["nonce"])
        if dearer is None and number not in self.capped:
            self.capped.add(number)
            log.warning("a transaction waits at max_fee: it is mined once fees fall, or with a higher max_fee")
        elif dearer is not None:
            self.capped.discard(number)
        return dearer

    def _forget(self, digests: Iterable[bytes]) -> None:
        forgotten = list(digests)
        for digest in forgotten:
            self._sent.pop(digest, None)
        if self.outbox is not None:
            self.outbox.forget(forgotten)

    def send(
        self, function: Any, value: int = 0, *, gas_limit: int | None = None, displace: bool = False
    ) -> Transaction:
        """Simulates the call ``function`` (a web3 contract function with arguments), sends it, waits until it is mined.

        The simulation has the transaction's bound on gas, costs nothing, and raises the contract's own error.

        Args:
            function: What is called.
            value: Wei to pay with the call.
            gas_limit: Gas units that the transaction may use at most, whatever the estimate says.
            displace: Take the place of the account's oldest transaction that stays unmined, which may have been sent
                by a process that has ended, for a higher fee. Otherwise the new one is mined after it.

        Raises:
            SettingsError: The client has no account.
            ContractReverted: The contract refuses the call in the simulation; nothing was sent.
            FeeTooHigh: The node asks more than ``max_fee``; nothing was sent.
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
            if displace:
                self._await_earlier()
            with self._lock:
                values: TxParams = {**sender, "gas": gas, "chainId": self._chain_id}
                offer = self._first(function, values, displace)
        mined = self._wait(offer)
        self._told.add(offer.number)
        return self._result(mined, function, sender)

    def _await_earlier(self) -> None:
        """Leaves earlier transactions of the account, which may be another command's, the time of one fee offer."""
        end = time.monotonic() + self._timeout / FEE_OFFERS
        while self.unmined() and time.monotonic() < end:
            time.sleep(MOST_POLL_SECONDS)

    def _first(self, function: Any, values: TxParams, displace: bool) -> SignedOffer:
        """Sends the transaction under the account's next number, again if another command was faster with it."""
        numbers: set[int] = set()
        for attempt in range(1, NUMBER_ATTEMPTS + 1):
            number = int(self._web3.eth.get_transaction_count(self.signer.address, "latest" if displace else "pending"))
            numbers.add(number)
            fees = first_offer(self._node, int(values["gas"]), self._max_fee)
            transaction = function.build_transaction({**values, **fees, "nonce": number})
            try:
                return self._displace(transaction) if displace else self._submit(transaction)
            except Web3RPCError as error:
                if attempt == NUMBER_ATTEMPTS or len(numbers) == NUMBERS or not _TAKEN.search(str(error)):
                    raise
                time.sleep(min(MOST_POLL_SECONDS, attempt * POLL_SECONDS))
        raise AssertionError("unreachable")

    def _displace(self, transaction: TxParams) -> SignedOffer:
        """Sends ``transaction``, for more and more while another one with its number pays more."""
        while True:
            try:
                return self._submit(transaction)
            except Web3RPCError as error:
                dearer = displacing(transaction, self._max_fee) if _UNDERPRICED.search(str(error)) else None
                if dearer is None:
                    raise
                transaction = dearer

    def _submit(self, transaction: TxParams) -> SignedOffer:
        """Signs ``transaction``, keeps it in the outbox, and sends it.

        What the node did not refuse may have arrived, also if its answer was lost or makes no sense. So may what it
        refuses as known when a request is repeated.
        """
        signed = self.signer.sign_transaction(transaction)
        offer = SignedOffer(bytes(signed.hash), dict(transaction), bytes(signed.raw_transaction))
        if self.outbox is not None:
            self.outbox.keep(self.signer.address, offer)
        self._sent[offer.digest] = self._offered[offer.number] = time.monotonic()
        try:
            self._web3.eth.send_raw_transaction(signed.raw_transaction)
        except (Web3RPCError, HttpRefusal):
            if not self._is_known(signed.hash):
                self._forget([offer.digest])
                raise
        except Exception:
            # Whatever came in place of a refusal, as in ``Node.errors``. The wait for the receipt tells what became
            # of the transaction.
            return offer
        return offer

    def _is_known(self, digest: HexBytes) -> bool:
        try:
            with self._node.errors():
                self._web3.eth.get_transaction(digest)
        except ChainError:
            return False
        return True

    def _wait(self, first: SignedOffer) -> Mined:
        """Waits until a transaction is mined. Meanwhile raises its fee again and again, up to ``max_fee``.

        A key in the mempool must be in a block before the deadline, however fees change. A node that fails meanwhile
        is asked again: what was sent must not look as if nothing was. What the node may not have is sent again.

        Raises:
            TransactionPending: It was not mined in time.
        """
        transaction = cast(TxParams, first.fields)
        offers, end, pause = [first], time.monotonic() + self._timeout, POLL_SECONDS
        for count in range(1, FEE_OFFERS + 1):
            while time.monotonic() < end - self._timeout * (1 - count / FEE_OFFERS):
                for offer in offers:
                    if (mined := self._receipt(offer.digest)) is not None:
                        self.capped.discard(offer.number)
                        return mined
                with suppress(ChainError):
                    self._send_again(offers[-1])
                time.sleep(pause)
                pause = min(1.2 * pause, MOST_POLL_SECONDS)
            dearer = self._dearer(transaction) if count < FEE_OFFERS else None
            if dearer is not None:
                transaction = dearer
                offers += self._replacement(dearer)
        raise self._pending(offers[-1])

    def _replacement(self, transaction: TxParams) -> list[SignedOffer]:
        """Sends it; none if the node refuses: the first was mined this moment, or the account cannot pay so much."""
        try:
            with self._node.errors():
                return [self._submit(transaction)]
        except ChainError:
            return []

    def _receipt(self, digest: bytes) -> Mined | None:
        """What the node's receipt says; None if it has none that makes sense."""
        try:
            with self._node.errors():
                receipt = self._web3.eth.get_transaction_receipt(HexBytes(digest))
                status = {0: False, 1: True}[receipt["status"]]
                return Mined(digest, status, int(receipt["blockNumber"]), int(receipt["gasUsed"]))
        except ChainError:
            return None

    def _pending(self, offer: SignedOffer) -> TransactionPending:
        """What to raise for a transaction that was not mined in time."""
        cause = ""
        try:
            with self._node.errors():
                if int(self._web3.eth.get_transaction_count(self.signer.address, "latest")) > offer.number:
                    return TransactionPending(
                        f"another transaction of this account took the place of transaction 0x{offer.digest.hex()}",
                        hint="let commands with one key run one after the other; look at the state, then run this one "
                        "again",
                    )
        except ChainError as error:
            cause = f" ({error.message})"
        return TransactionPending(
            f"not mined within {self._timeout:.0f} s: transaction 0x{offer.digest.hex()}{cause}",
            hint="it may still be mined: look at the state first (assay orders, assay model status)",
        )

    def _result(self, mined: Mined, function: Any, sender: TxParams) -> Transaction:
        if mined.succeeded:
            return Transaction(mined.digest, mined.block, mined.gas)
        refusal = self._refusal(lambda: function.call(sender, mined.block))
        reason, hint = (f": {refusal.message}", refusal.hint) if refusal else ("", None)
        name = refusal.error if isinstance(refusal, ContractReverted) else ""
        raise TransactionFailed(
            f"transaction 0x{mined.digest.hex()} was mined and failed{reason}",
            gas=mined.gas,
            error=name,
            hint=hint,
        )

    def _refusal(self, call: Callable[[], object]) -> ChainError | None:
        """Why a transaction failed, which ``call`` simulates again; None if it does not fail any more."""
        try:
            with self._node.errors():
                call()
        except ChainError as error:
            return error
        return None
