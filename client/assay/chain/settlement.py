"""The settlement contract over a node's JSON-RPC: one method for each of its functions.

Every transaction is simulated first, so that a refusal costs nothing and carries the contract's own error. Reads are
of the latest block.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from assay.amounts import Token
from assay.chain.calldata import find_revealed
from assay.chain.events import Events
from assay.chain.gas import DEFAULT_MAX_FEE, GAS_LIMITS
from assay.chain.interface import Deployment, contract_interface, view
from assay.chain.node import Node
from assay.chain.port import Outbox, TransactionSigner
from assay.chain.queries import state_of
from assay.chain.sender import Sender
from assay.chain.tokens import allow, read_token
from assay.chain.values import (
    Cursor,
    EndedLate,
    EventKind,
    EventPage,
    ModelState,
    OrderState,
    PostedOrder,
    RegisteredModel,
    RevealedData,
    SafeOwners,
    Transaction,
    default_confirmations,
)
from assay.errors import ChainError, ContractMissing, WrongChain
from assay.protocol.statements import Domain
from assay.protocol.structs import ModelTerms, Order, Quote, Status
from assay.protocol.tree import ChunkProof
from assay.protocol.types import NATIVE_TOKEN, ZERO_ADDRESS, ContentId, ModelId, OrderId


class SettlementClient:
    """The contract at ``contract``, through ``node``: the ``Chain`` of sellers, buyers and oracles.

    Args:
        node: The chain's node, or what ``Node`` takes.
        contract: Address of the settlement contract.
        chain_id: Chain that the node must serve.
        account: Signs transactions; None for a client that reads only.
        confirmations: Blocks that must follow an order's before a key is risked on it. By default none on a local
            chain and ``CONFIRMATIONS`` on any other.
        timeout: Seconds to wait for a transaction to be mined.
        max_fee: The most that one transaction may cost for its gas, in base units of the native coin.
        from_block: Block in which the contract was deployed.
    """

    def __init__(
        self,
        node: Node | str,
        contract: str,
        *,
        chain_id: int,
        account: TransactionSigner | None = None,
        confirmations: int | None = None,
        timeout: float = 120,
        max_fee: int = DEFAULT_MAX_FEE,
        from_block: int = 0,
    ) -> None:
        self.node = Node(node) if isinstance(node, str) else node
        self.node.nodes.settle(contract)
        self.domain = Domain(chain_id=chain_id, contract=contract)
        self.confirmations = default_confirmations(chain_id) if confirmations is None else confirmations
        self._contract = self.node.contract(contract, contract_interface()["abi"])
        self._sender = Sender(self.node, chain_id, account, timeout=timeout, max_fee=max_fee)
        self._from_block = from_block
        self._events = Events(self.node, self._contract, from_block, chain_id)
        self._tokens: dict[str, Token] = {}

    @classmethod
    def of(cls, node: Node | str, deployment: Deployment, **options: Any) -> "SettlementClient":
        """The contract of a deployment record."""
        return cls(node, deployment.address, chain_id=deployment.chain_id, from_block=deployment.block, **options)

    # --- the node -----------------------------------------------------------------------------------------------------

    def check(self) -> None:
        """Verifies that the node serves the expected chain and that it has this version's contract.

        Raises:
            NodeUnreachable: No answer.
            WrongChain: Another chain.
            ChainError: The node is still synchronising.
            ContractMissing: No code at the address, or other code.
        """
        chain_id = self.node.chain_id()
        if chain_id != self.domain.chain_id:
            raise WrongChain(
                f"expected chain {self.domain.chain_id} at {self.node.url}, got chain {chain_id}",
                hint="correct the node's URL or the deployment record",
            )
        self.node.check_synchronised()
        code = self.node.code(self._contract.address)
        expected = contract_interface()["runtime_code_hash"]
        if not code or "0x" + keccak(code).hex() != expected:
            found = "no code" if not code else f"code with hash 0x{keccak(code).hex()}"
            raise ContractMissing(
                f"expected the settlement contract (code hash {expected}) at {self._contract.address}, found {found}",
                hint="deploy it on this chain (ape run deploy) or correct the address",
            )

    def block_time(self) -> int:
        """Unix time of the latest block, by which the contract judges deadlines."""
        return self.node.latest().time

    def block_number(self) -> int:
        """Number of the latest block."""
        return self.node.block_number()

    def time_of(self, block: int) -> int:
        """Unix time of a block.

        Raises:
            ChainError: The node has no such block.
        """
        found = self.node.block(block)
        if found is None:
            raise ChainError(f"the node at {self.node.url} has no block {block}", hint="wait until it has synchronised")
        return found.time

    def is_confirmed(self, block: int) -> bool:
        """Whether ``block`` lies so deep that a reorganisation is no longer expected to remove it."""
        return self.block_number() >= block + self.confirmations

    def balance(self, account: str, token: str = NATIVE_TOKEN) -> int:
        """Base units of ``token`` that ``account`` holds outside the contract."""
        return self.node.balance(account, token)

    def token(self, address: str) -> Token:
        """Symbol and decimals of a token, read once; of the native coin for the zero address."""
        if address not in self._tokens:
            self._tokens[address] = read_token(self.node, address)
        return self._tokens[address]

    def is_contract(self, account: str) -> bool:
        """Whether ``account`` has code. The chain judges the signatures of such accounts (ERC-1271)."""
        return len(self.node.code(account)) > 0

    def is_valid_signature(self, account: str, digest: bytes, signature: bytes) -> bool:
        """Whether the wallet contract at ``account`` accepts ``signature`` over ``digest``, 32 bytes (ERC-1271)."""
        return self.node.is_valid_signature(account, digest, signature)

    def safe_owners(self, account: str) -> SafeOwners | None:
        """Owners and threshold of the Safe at ``account``; None if it is none."""
        return self.node.safe_owners(account)

    def unmined(self) -> int:
        """Number of this account's transactions that the node or the outbox knows and that no block contains yet."""
        return self._sender.unmined()

    def keep_in(self, outbox: Outbox) -> None:
        """Keeps every transaction in ``outbox`` before it is sent, so that ``resend`` goes on with it after a crash."""
        self._sender.outbox = outbox

    def resend(self) -> list[EndedLate]:
        """Goes on with this account's transactions in the outbox: sends them again, for more where that is due.

        Returns:
            Those that were mined since the last time, after a ``TransactionPending`` or a crash.
        """
        return [self._decoded(ended) for ended in self._sender.resend(self.confirmations)]

    def _decoded(self, ended: EndedLate) -> EndedLate:
        try:
            function, arguments = self._contract.decode_function_input(ended.calldata)
        except ValueError:
            return ended  # of another contract: an allowance of a token
        subject = arguments.get({"post": "quote", "settle": "order"}.get(function.fn_name, ""))
        pair = (ModelId(subject["modelId"]), ContentId(subject["contentId"])) if subject else None
        return replace(ended, function=function.fn_name, pair=pair)

    def _call(self, name: str, *arguments: Any, block: int | None = None) -> Sequence[Any]:
        called = view(name)
        with self.node.errors():
            return called.values(self.node.call(self.domain.contract, called.calldata(*arguments), block))

    def _send(self, name: str, *arguments: Any, value: int = 0, displace: bool = False) -> Transaction:
        function = self._contract.functions[name](*arguments)
        return self._sender.send(function, value, gas_limit=GAS_LIMITS.get(name), displace=displace)

    def _payable(self, token: str, amount: int) -> int:
        """Native value to send along; for an ERC-20, raises the allowance where it is too small, and returns 0."""
        if token == NATIVE_TOKEN:
            return amount
        allow(self.node, self._sender, token, self.domain.contract, amount)
        return 0

    # --- models -------------------------------------------------------------------------------------------------------

    def model_id(self, terms: ModelTerms) -> ModelId:
        """Id of ``terms`` on this chain and contract: 32 bytes."""
        return terms.model_id(self.domain.chain_id, self.domain.contract)

    def register_model(self, terms: ModelTerms, oracle: str) -> Transaction:
        """Registers ``terms``. The account must be ``terms.owner``."""
        return self._send("registerModel", terms.abi_values(), to_checksum_address(oracle))

    def fund(self, terms: ModelTerms, amount: int) -> Transaction:
        """Adds ``amount`` base units to the budget; approves the token first where that is needed."""
        return self._send("fund", terms.abi_values(), amount, value=self._payable(terms.token, amount))

    def withdraw(self, terms: ModelTerms, amount: int, to: str) -> Transaction:
        """Takes ``amount`` base units out of the unspent budget."""
        return self._send("withdraw", terms.abi_values(), amount, to_checksum_address(to))

    def set_oracle(self, terms: ModelTerms, oracle: str | None) -> Transaction:
        """Replaces the oracle; None halts the model."""
        return self._send("setOracle", terms.abi_values(), to_checksum_address(oracle or ZERO_ADDRESS))

    def model_state(self, model_id: ModelId) -> ModelState:
        """Oracle and budget of a model."""
        oracle, budget, registered = self._call("modelState", model_id)
        return ModelState(None if oracle == ZERO_ADDRESS else to_checksum_address(oracle), budget, registered)

    def model_terms(self, model_id: ModelId) -> tuple[ModelTerms, str] | None:
        """Terms of a registered model and the oracle that it was registered with; None if it is not registered."""
        if not self.model_state(model_id).registered:
            return None
        found = self._events.registered(model_id)
        if found is None:
            raise self._events.missing(f"the registration of model 0x{model_id.hex()}")
        return found

    def models(self, owner: str | None = None) -> Iterator[RegisteredModel]:
        """Registered models, or those of one owner, newest first."""
        return self._events.registrations(owner)

    # --- bonds and credit ---------------------------------------------------------------------------------------------

    def deposit(self, token: str, amount: int) -> Transaction:
        """Adds to the account's credit, from which seller bonds are taken."""
        return self._send("deposit", to_checksum_address(token), amount, value=self._payable(token, amount))

    def withdraw_credit(self, token: str, amount: int, to: str) -> Transaction:
        """Pays out of the account's credit."""
        return self._send("withdrawCredit", to_checksum_address(token), amount, to_checksum_address(to))

    def credit(self, token: str, account: str) -> int:
        """Credit of ``account`` in base units of ``token``."""
        (credit,) = self._call("creditOf", token, account)
        return int(credit)

    def bond_oracle(self, terms: ModelTerms, oracle: str, amount: int) -> Transaction:
        """Adds to the oracle's bond for this model."""
        value = self._payable(terms.token, amount)
        return self._send("bondOracle", terms.abi_values(), to_checksum_address(oracle), amount, value=value)

    def request_oracle_bond_exit(self, model_id: ModelId) -> Transaction:
        """Starts the exit of the account's bond."""
        return self._send("requestOracleBondExit", model_id)

    def withdraw_oracle_bond(self, terms: ModelTerms) -> Transaction:
        """Credits the account with its unlocked bond."""
        return self._send("withdrawOracleBond", terms.abi_values())

    def oracle_bond(self, model_id: ModelId, oracle: str) -> tuple[int, int]:
        """Amount of a bond in base units, and when it unlocks (0: no exit requested)."""
        amount, unlocks_at, _revoked = self._call("oracleState", model_id, oracle)
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

    # --- sale ---------------------------------------------------------------------------------------------------------

    def post(
        self, terms: ModelTerms, quote: Quote, oracle_signature: bytes, key_hash: bytes, seller_signature: bytes
    ) -> Transaction:
        """Posts the order of an accepted quote, which locks the payment."""
        return self._send("post", terms.abi_values(), quote.abi_values(), oracle_signature, key_hash, seller_signature)

    def reveal_key(self, order: Order, key: bytes, receipt: bytes = b"") -> Transaction:
        """Reveals the key of a locked order."""
        return self._send("revealKey", order.abi_values(), key, receipt, displace=True)

    def reveal_data(
        self, order: Order, chunk_size: int, plaintext: bytes, sealed_digests: Sequence[bytes]
    ) -> Transaction:
        """Reveals the data itself, in public, and pays the seller at once."""
        arguments = (order.abi_values(), chunk_size, plaintext, list(sealed_digests))
        return self._send("revealData", *arguments, displace=True)

    def dispute(self, order: Order, key: bytes, proof: ChunkProof) -> Transaction:
        """Proves that the revealed key does not open a committed chunk."""
        return self._send("dispute", order.abi_values(), key, proof.abi_values(), displace=True)

    def settle(self, order: Order, acknowledgement: bytes) -> Transaction:
        """Pays the seller with the buyer's signed acknowledgement."""
        return self._send("settle", order.abi_values(), acknowledgement)

    def finalize(self, order: Order) -> Transaction:
        """Pays the seller of a revealed order after the dispute window."""
        return self._send("finalize", order.abi_values())

    def refund(self, order: Order) -> Transaction:
        """Returns the payment of a locked order whose reveal window has passed."""
        return self._send("refund", order.abi_values())

    # --- orders -------------------------------------------------------------------------------------------------------

    def order_state(self, order_id: OrderId) -> OrderState:
        """State of a (model, content) pair."""
        return self._order_state(order_id, None)

    def confirmed_state(self, order_id: OrderId) -> OrderState:
        """State of a (model, content) pair at the latest block that a reorganisation is not expected to remove."""
        block = self.block_number() - self.confirmations
        return (
            self._order_state(order_id, block) if block >= self._from_block else OrderState(Status.NONE, 0, bytes(26))
        )

    def _order_state(self, order_id: OrderId, block: int | None) -> OrderState:
        with self.node.errors():
            status, deadline, digest = self._call("orderState", order_id, block=block)
            return OrderState(Status(status), deadline, digest.to_bytes(26, "big"))

    def events_since(self, cursor: Cursor | None) -> EventPage:
        """Events of all orders after ``cursor``; from the contract's deployment on if it is None.

        One page covers a bounded range of blocks. Call again with the returned cursor until ``complete``.
        """
        return self._events.since(cursor)

    def posted(
        self, *, order_id: OrderId | None = None, model_id: ModelId | None = None, seller: str | None = None
    ) -> list[PostedOrder]:
        """Orders with this id, model or seller, oldest first. An order by its id is the one that the contract has."""
        if order_id is None:
            return self._events.posted(model_id=model_id, seller=seller)
        if self.order_state(order_id).status is Status.NONE:
            return []
        found = self._events.posted(order_id=order_id)
        if not found:
            raise self._events.missing(f"the posting of order 0x{order_id.hex()}")
        state_of(self, found[0].order)
        return found

    def revealed_key(self, order_id: OrderId) -> bytes | None:
        """The key that was revealed on chain for an order; None while it is secret."""
        if self.order_state(order_id).status not in (Status.REVEALED, Status.PAID, Status.DISPUTED):
            return None
        found = next(self._events.of_order(order_id, EventKind.KEY_REVEALED), None)
        return found.key if found else None

    def revealed_data(self, order_id: OrderId) -> RevealedData | None:
        """The plaintext passed to ``revealData``; None if the order was closed in another way.

        Raises:
            ChainError: The transaction's input does not show the data, and the node serves no traces.
        """
        if self.order_state(order_id).status is not Status.PAID:
            return None
        event = next(self._events.of_order(order_id, EventKind.DATA_REVEALED), None)
        if event is None:
            return None
        (posted,) = self.posted(order_id=order_id)
        return find_revealed(self.node, event.transaction, posted.order, self.domain.contract)

    def history(self, order_id: OrderId) -> list[Transaction]:
        """Transactions that moved an order, oldest first."""
        newest_first = dict.fromkeys(event.transaction for event in self._events.of_order(order_id))
        return [self.node.transaction(digest) for digest in reversed(newest_first)]
