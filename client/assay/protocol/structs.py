"""Values of a sale, as the contract knows them.

Field names are those of ``contracts/interfaces/ISettlement.sol`` in snake case, and field order is the contract's, so
that ``abi_values`` of a model is the tuple that the contract takes.
"""

from collections.abc import Sequence
from enum import IntEnum
from typing import Any, ClassVar, Self

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from assay.protocol.types import (
    NATIVE_TOKEN,
    Address,
    Bytes32,
    ContentId,
    ContentIdField,
    ModelId,
    ModelIdField,
    Money,
    OrderId,
    Seconds,
    UnixTime,
    Value,
)

KEY_TAG = b"assay/key/v1".ljust(32, b"\0")
STORED_DIGEST_BYTES = 26
"""Low bytes of an order's digest that the contract stores with its status and deadline."""


class Status(IntEnum):
    """Life of a (model, content) pair; the contract's ``Status``."""

    NONE = 0
    LOCKED = 1
    REVEALED = 2
    PAID = 3
    DISPUTED = 4
    REFUNDED = 5


class AbiValue(Value):
    """A value that is also a Solidity struct: ``ABI_TYPES`` has one type per field, in the fields' order."""

    ABI_TYPES: ClassVar[tuple[str, ...]]

    def abi_values(self) -> tuple[Any, ...]:
        """The struct as the tuple that ``eth_abi`` and web3 take."""
        return tuple(getattr(self, name) for name in type(self).model_fields)

    def abi_encode(self) -> bytes:
        """``abi.encode(struct)``; all our structs are static."""
        return encode(self.ABI_TYPES, self.abi_values())


class ModelTerms(AbiValue):
    """Terms on which a model buys data, fixed at registration; see ``ModelTerms`` in ``ISettlement.sol``."""

    ABI_TYPES: ClassVar[tuple[str, ...]] = (
        "address",
        "address",
        "bytes32",
        "bytes32",
        "uint256",
        "uint256",
        "uint256",
        "uint256",
        "uint256",
        "bool",
        "bytes32",
    )

    owner: Address
    token: Address = NATIVE_TOKEN
    function_hash: Bytes32
    delivery_key: Bytes32
    max_price: Money
    seller_bond: Money = 0
    oracle_bond: Money = 0
    reveal_window: Seconds
    dispute_window: Seconds
    require_receipt: bool = False
    salt: Bytes32 = bytes(32)

    def model_id(self, chain_id: int, contract: str) -> ModelId:
        """``keccak256(abi.encode(chainId, contract, terms))``: 32 bytes."""
        return model_id(chain_id, contract, self.abi_values())


class Quote(AbiValue):
    """The oracle's price of one data set for one model; see ``Quote`` in ``ISettlement.sol``."""

    ABI_TYPES: ClassVar[tuple[str, ...]] = ("bytes32", "bytes32", "address", "bytes32", "uint256", "uint256", "bytes32")

    model_id: ModelIdField
    content_id: ContentIdField
    seller: Address
    data_root: Bytes32
    price: Money
    expiry: UnixTime
    evaluation: Bytes32

    def order_id(self) -> OrderId:
        """Id of the one order that this pair can ever have: 32 bytes."""
        return order_id(self.model_id, self.content_id)


class Order(AbiValue):
    """Everything that later calls of a sale need; see ``Order`` in ``ISettlement.sol``."""

    ABI_TYPES: ClassVar[tuple[str, ...]] = (
        "bytes32",
        "bytes32",
        "address",
        "address",
        "address",
        "uint256",
        "uint256",
        "uint256",
        "bool",
        "bytes32",
        "bytes32",
    )

    model_id: ModelIdField
    content_id: ContentIdField
    buyer: Address
    seller: Address
    token: Address
    price: Money
    seller_bond: Money
    dispute_window: Seconds
    require_receipt: bool
    data_root: Bytes32
    key_hash: Bytes32

    @classmethod
    def of(cls, terms: ModelTerms, quote: Quote, key_hash: bytes) -> Self:
        """The order that a post of ``quote`` makes, for a model with these terms; ``key_hash`` is 32 bytes."""
        return cls(
            model_id=quote.model_id,
            content_id=quote.content_id,
            buyer=terms.owner,
            seller=quote.seller,
            token=terms.token,
            price=quote.price,
            seller_bond=terms.seller_bond,
            dispute_window=terms.dispute_window,
            require_receipt=terms.require_receipt,
            data_root=quote.data_root,
            key_hash=key_hash,
        )

    def order_id(self) -> OrderId:
        """``keccak256(abi.encode(modelId, contentId))``: 32 bytes."""
        return order_id(self.model_id, self.content_id)

    def digest(self) -> bytes:
        """``keccak256(abi.encode(order))``: 32 bytes."""
        return keccak(self.abi_encode())

    def stored_digest(self) -> bytes:
        """What the contract stores of the digest: its low 26 bytes."""
        return self.digest()[-STORED_DIGEST_BYTES:]


def model_id(chain_id: int, contract: str, terms: Sequence[Any]) -> ModelId:
    """Id of the model with these values of ``ModelTerms``: ``keccak256(abi.encode(chainId, contract, terms))``.

    The contract also takes values that ``ModelTerms`` refuses.
    """
    return ModelId(keccak(encode(["uint256", "address", *ModelTerms.ABI_TYPES], [chain_id, contract, *terms])))


def order_id(model_id: ModelId, content_id: ContentId) -> OrderId:
    """Id of the order of a (model, content) pair: ``keccak256(abi.encode(modelId, contentId))``."""
    return OrderId(keccak(model_id + content_id))


def key_hash(order_id: OrderId, key: bytes) -> bytes:
    """Hash lock of a sealing key, bound to one order: ``keccak256(abi.encode(KEY_TAG, orderId, key))``."""
    return keccak(KEY_TAG + order_id + key)
