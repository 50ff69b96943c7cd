"""What the chain answers with: blocks, transactions, states and events, as plain values."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from assay.protocol.structs import ModelTerms, Order, Status
from assay.protocol.types import ZERO_ADDRESS, ContentId, ModelId, OrderId

LOCAL_CHAINS = (1337, 31337)
"""Chain ids of development nodes, which do not reorganise."""
CONFIRMATIONS = 12
"""Blocks after which an order on a public chain is expected to stay."""


def default_confirmations(chain_id: int) -> int:
    """Blocks that must follow an order's before a key is risked on it: none on a local chain."""
    return 0 if chain_id in LOCAL_CHAINS else CONFIRMATIONS


@dataclass(frozen=True)
class Block:
    """A block: ``time`` in unix seconds, ``hash`` of 32 bytes."""

    number: int
    hash: bytes
    time: int


@dataclass(frozen=True)
class Transaction:
    """A mined transaction: ``hash`` of 32 bytes, number of its ``block``, ``gas`` used in gas units.

    ``sender`` paid ``fee``, in base units of the native coin, for the gas.
    """

    hash: bytes
    block: int
    gas: int
    sender: str = ZERO_ADDRESS
    fee: int = 0


@dataclass(frozen=True)
class SignedOffer:
    """A signed transaction: its ``digest`` (32 bytes), its ``fields`` by web3's names, and itself as it is sent."""

    digest: bytes
    fields: dict[str, Any]
    raw: bytes

    @property
    def number(self) -> int:
        """The account's number of it."""
        return int(self.fields["nonce"])


@dataclass(frozen=True)
class Mined:
    """What the receipt of the transaction with hash ``digest`` says."""

    digest: bytes
    succeeded: bool
    block: int
    gas: int


@dataclass(frozen=True)
class EndedLate:
    """A transaction that was mined after its sender had ceased to wait for it.

    Attributes:
        calldata: What it called the contract with, in hex.
        succeeded: Whether the contract took it.
        gas: Used, in gas units.
        error: Name of the contract's error; empty if it succeeded, or gave none.
        function: Name of the contract's function; empty before ``SettlementClient`` decoded it.
        pair: Ids of model and content of the order that ``post`` or ``settle`` was about; None for others.
    """

    calldata: str
    succeeded: bool
    gas: int
    error: str = ""
    function: str = ""
    pair: tuple[ModelId, ContentId] | None = None


@dataclass(frozen=True)
class ModelState:
    """``oracle`` is None while the model accepts no quotes; ``budget`` in base units."""

    oracle: str | None
    budget: int
    registered: bool


@dataclass(frozen=True)
class SafeOwners:
    """The keys of a Safe: ``threshold`` of the ``owners`` sign for it."""

    owners: tuple[str, ...]
    threshold: int


@dataclass(frozen=True)
class RegisteredModel:
    """A model as ``ModelRegistered`` announced it: its ``terms``, its first ``oracle``, number of its ``block``."""

    model_id: ModelId
    terms: ModelTerms
    oracle: str
    block: int


@dataclass(frozen=True)
class OrderState:
    """State of a (model, content) pair; ``deadline`` in unix time, ``digest`` the low 26 bytes of the order's."""

    status: Status
    deadline: int
    digest: bytes


@dataclass(frozen=True)
class PostedOrder:
    """An order as ``OrderPosted`` announced it: number of its ``block``, hash of its ``transaction``."""

    order: Order
    block: int
    transaction: bytes


@dataclass(frozen=True)
class RevealedData:
    """What a call of ``revealData`` carried: all chunks in plaintext with their salts, digests of the sealed ones."""

    chunk_size: int
    plaintext: bytes
    sealed_digests: tuple[bytes, ...]


class EventKind(StrEnum):
    """The contract's events about one order, by their names in ``ISettlement.sol``."""

    POSTED = "OrderPosted"
    KEY_REVEALED = "KeyRevealed"
    DATA_REVEALED = "DataRevealed"
    PAID = "OrderPaid"
    DISPUTED = "OrderDisputed"
    REFUNDED = "OrderRefunded"


@dataclass(frozen=True)
class OrderEvent:
    """One event about one order: number of its ``block``, hash of its ``transaction``.

    ``posted`` is set for ``EventKind.POSTED`` if the node has the model's registration, ``key`` (32 bytes) for
    ``EventKind.KEY_REVEALED``.
    """

    kind: EventKind
    order_id: OrderId
    block: int
    transaction: bytes
    posted: PostedOrder | None = None
    key: bytes | None = None


@dataclass(frozen=True)
class Cursor:
    """The last block whose events were read. The hash shows whether a reorganisation replaced that block since."""

    block: int
    hash: bytes


@dataclass(frozen=True)
class EventPage:
    """Events between two cursors, in the chain's order.

    Attributes:
        events: Events of the blocks after the cursor that was passed, up to and including ``cursor.block``.
        cursor: What to pass next time; store it once the events are handled.
        complete: ``cursor`` is at the chain's head; False if more pages follow.
        reorganised: The block of the cursor that was passed is no longer on the chain. Reading then began a safe
            distance earlier: some events come again, and the state of recent orders must be read again.
    """

    events: tuple[OrderEvent, ...]
    cursor: Cursor
    complete: bool
    reorganised: bool
