"""``Chain``: what sellers, buyers and oracles need of the settlement contract and of the node that serves it.

``SettlementClient`` implements it over JSON-RPC. Tests implement it in memory. Code outside ``chain/`` names this
protocol and never web3.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

from eth_account.datastructures import SignedTransaction
from eth_typing import ChecksumAddress

from assay.amounts import Token
from assay.chain.values import (
    Cursor,
    EndedLate,
    EventPage,
    ModelState,
    OrderState,
    PostedOrder,
    RegisteredModel,
    RevealedData,
    SafeOwners,
    SignedOffer,
    Transaction,
)
from assay.protocol.statements import Domain
from assay.protocol.structs import ModelTerms, Order, Quote
from assay.protocol.tree import ChunkProof
from assay.protocol.types import NATIVE_TOKEN, ModelId, OrderId


class TransactionSigner(Protocol):
    """Signs transactions of one account: ``eth_account``'s ``LocalAccount``, or a remote signer."""

    @property
    def address(self) -> ChecksumAddress:
        """The account."""
        ...

    def sign_transaction(self, transaction_dict: Any, /) -> SignedTransaction:
        """The signed transaction, ready to be sent."""
        ...


class Outbox(Protocol):
    """Keeps signed transactions until a reorganisation is no longer expected to remove them.

    Each method is durable when it returns.
    """

    def keep(self, account: str, signed: SignedOffer) -> None:
        """Records a transaction before it is sent. One that is known stays as it is."""
        ...

    def of(self, account: str) -> list[SignedOffer]:
        """All transactions of an account, by their numbers, and of one number in the order in which they were kept."""
        ...

    def forget(self, digests: Iterable[bytes]) -> None:
        """Deletes transactions."""
        ...


class Chain(Protocol):
    """The settlement contract on one chain, seen from one account.

    Reads are of the latest block. Every method raises ``NodeUnreachable`` if no node answers and ``ChainError`` if the
    answer makes no sense. Methods that send a transaction return once it is mined; they raise ``ContractReverted`` if
    the contract refuses the call in a simulation, ``TransactionFailed`` if it refuses it in the block, and
    ``TransactionPending`` if the transaction is not mined in time.
    """

    @property
    def domain(self) -> Domain:
        """Chain id and contract address that signatures are valid for."""
        ...

    @property
    def confirmations(self) -> int:
        """Blocks that must follow a block until a reorganisation is no longer expected to remove it."""
        ...

    # --- the node ---

    def block_time(self) -> int:
        """Unix time of the latest block, by which the contract judges deadlines."""
        ...

    def block_number(self) -> int:
        """Number of the latest block."""
        ...

    def time_of(self, block: int) -> int:
        """Unix time of a block."""
        ...

    def balance(self, account: str, token: str = NATIVE_TOKEN) -> int:
        """Base units of ``token`` that ``account`` holds outside the contract."""
        ...

    def is_confirmed(self, block: int) -> bool:
        """Whether ``block`` lies so deep that a reorganisation is no longer expected to remove it."""
        ...

    def token(self, address: str) -> Token:
        """Symbol and decimals of a token, to show amounts with; of the native coin for the zero address."""
        ...

    def is_contract(self, account: str) -> bool:
        """Whether ``account`` has code. The chain judges the signatures of such accounts (ERC-1271)."""
        ...

    def is_valid_signature(self, account: str, digest: bytes, signature: bytes) -> bool:
        """Whether the wallet contract at ``account`` accepts ``signature`` over ``digest`` (ERC-1271)."""
        ...

    def safe_owners(self, account: str) -> SafeOwners | None:
        """Owners and threshold of the Safe at ``account``; None if it is none."""
        ...

    def unmined(self) -> int:
        """Number of this account's transactions that the node or the outbox knows and that no block contains yet."""
        ...

    def resend(self) -> list[EndedLate]:
        """Goes on with transactions that this account signed and no deep block contains, after a crash too.

        They are sent again as they are, and for a higher fee where one waits too long; nothing is waited for.

        Returns:
            Those that were mined since the last time, after a ``TransactionPending`` or a crash.
        """
        ...

    # --- events ---

    def events_since(self, cursor: Cursor | None) -> EventPage:
        """Events of all orders after ``cursor``; from the contract's deployment on if it is None.

        One page covers a bounded range of blocks. Call again with the returned cursor until ``complete``.
        """
        ...

    def posted(
        self, *, order_id: OrderId | None = None, model_id: ModelId | None = None, seller: str | None = None
    ) -> list[PostedOrder]:
        """Orders with this id, model or seller, oldest first."""
        ...

    def history(self, order_id: OrderId) -> list[Transaction]:
        """Transactions that moved an order, oldest first."""
        ...

    def revealed_key(self, order_id: OrderId) -> bytes | None:
        """The key that was revealed on chain for an order; None while it is secret."""
        ...

    def revealed_data(self, order_id: OrderId) -> RevealedData | None:
        """The plaintext passed to ``revealData``; None if the order was closed in another way."""
        ...

    # --- models ---

    def model_id(self, terms: ModelTerms) -> ModelId:
        """Id of ``terms`` on this chain and contract: 32 bytes."""
        ...

    def register_model(self, terms: ModelTerms, oracle: str) -> Transaction:
        """Registers ``terms``. The account must be ``terms.owner``."""
        ...

    def fund(self, terms: ModelTerms, amount: int) -> Transaction:
        """Adds ``amount`` base units to the model's budget."""
        ...

    def model_state(self, model_id: ModelId) -> ModelState:
        """Oracle and budget of a model."""
        ...

    def model_terms(self, model_id: ModelId) -> tuple[ModelTerms, str] | None:
        """Terms of a registered model and the oracle that it was registered with; None if it is not registered."""
        ...

    def models(self, owner: str | None = None) -> Iterator[RegisteredModel]:
        """Registered models, or those of one owner, newest first."""
        ...

    def credit(self, token: str, account: str) -> int:
        """Credit of ``account`` in the contract, in base units of ``token``."""
        ...

    def oracle_bond(self, model_id: ModelId, oracle: str) -> tuple[int, int]:
        """Amount of an oracle's bond in base units, and the unix time at which it unlocks (0: no exit requested)."""
        ...

    # --- orders ---

    def order_state(self, order_id: OrderId) -> OrderState:
        """State of a (model, content) pair."""
        ...

    def confirmed_state(self, order_id: OrderId) -> OrderState:
        """State of a (model, content) pair at the latest block that a reorganisation is not expected to remove."""
        ...

    def post(
        self, terms: ModelTerms, quote: Quote, oracle_signature: bytes, key_hash: bytes, seller_signature: bytes
    ) -> Transaction:
        """Posts the order of an accepted quote, which locks the payment."""
        ...

    def reveal_key(self, order: Order, key: bytes, receipt: bytes = b"") -> Transaction:
        """Reveals the key of a locked order."""
        ...

    def reveal_data(
        self, order: Order, chunk_size: int, plaintext: bytes, sealed_digests: Sequence[bytes]
    ) -> Transaction:
        """Reveals the data itself, in public, and pays the seller at once."""
        ...

    def dispute(self, order: Order, key: bytes, proof: ChunkProof) -> Transaction:
        """Proves that the revealed key does not open a committed chunk."""
        ...

    def settle(self, order: Order, acknowledgement: bytes) -> Transaction:
        """Pays the seller with the buyer's signed acknowledgement."""
        ...

    def finalize(self, order: Order) -> Transaction:
        """Pays the seller of a revealed order after the dispute window."""
        ...

    def refund(self, order: Order) -> Transaction:
        """Returns the payment of a locked order whose reveal window has passed."""
        ...
