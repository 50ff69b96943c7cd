"""Scalars of the protocol: bytes, addresses, amounts and times, as pydantic fields.

Money is ``int`` in base units of the model's token, time is ``int`` seconds of unix time. In JSON, bytes are 0x-hex
and money is a decimal string: other languages read large integers as floating point.
"""

from typing import Annotated, NewType

from eth_utils.address import is_hex_address, to_checksum_address
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema

ZERO_ADDRESS = "0x" + 40 * "0"
"""Solidity's ``address(0)``: no account."""
NATIVE_TOKEN = ZERO_ADDRESS
"""The token of a model that pays in the chain's own coin."""


def parse_bytes(value: object) -> bytes:
    """Bytes as they are, or from 0x-hex: the validator of every binary field."""
    if isinstance(value, str):
        text = value.removeprefix("0x")
        try:
            return bytes.fromhex(text)
        except ValueError:
            raise ValueError(f"expected 0x-hex, got {value[:20]!r}") from None
    if isinstance(value, bytes | bytearray):
        return bytes(value)
    raise ValueError(f"expected bytes or 0x-hex, got {type(value).__name__}")


def parse_address(value: object) -> str:
    """An account's address with its checksum (EIP-55); if ``value`` has one, it must be right."""
    if isinstance(value, str) and is_hex_address(value):
        checked = to_checksum_address(value)
        if value.removeprefix("0x") in (checked[2:], checked[2:].lower(), checked[2:].upper()):
            return checked
        raise ValueError(f"expected an address with a right checksum, got {value!r}: a letter is wrong, or its case")
    raise ValueError(f"expected a 20-byte address in 0x-hex, got {str(value)[:50]!r}")


def _parse_money(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and value.isascii() and value.isdecimal():
        return int(value)
    raise ValueError(f"expected an amount in base units, as an integer or a decimal string, got {str(value)[:50]!r}")


def _text(pattern: str) -> WithJsonSchema:
    """How JSON schemas describe a value that is text in JSON."""
    return WithJsonSchema({"type": "string", "pattern": pattern})


_hex = PlainSerializer(lambda value: "0x" + value.hex(), return_type=str, when_used="json")
_HEX_32 = _text("^0x[0-9a-f]{64}$")

ModelId = NewType("ModelId", bytes)
"""``keccak256(abi.encode(chainId, contract, terms))``: 32 bytes."""
ContentId = NewType("ContentId", bytes)
"""The oracle's keyed digest of a data set's records: 32 bytes. A (model, content) pair is sold at most once."""
OrderId = NewType("OrderId", bytes)
"""``keccak256(abi.encode(modelId, contentId))``: 32 bytes."""
OfferId = NewType("OfferId", bytes)
"""EIP-712 digest of the offer that the data owner signed: 32 bytes."""

HexBytes = Annotated[bytes, BeforeValidator(parse_bytes), _hex]
Bytes32 = Annotated[bytes, BeforeValidator(parse_bytes), Field(min_length=32, max_length=32), _hex, _HEX_32]
ModelIdField = Annotated[ModelId, BeforeValidator(parse_bytes), Field(min_length=32, max_length=32), _hex, _HEX_32]
ContentIdField = Annotated[ContentId, BeforeValidator(parse_bytes), Field(min_length=32, max_length=32), _hex, _HEX_32]
OrderIdField = Annotated[OrderId, BeforeValidator(parse_bytes), Field(min_length=32, max_length=32), _hex, _HEX_32]
OfferIdField = Annotated[OfferId, BeforeValidator(parse_bytes), Field(min_length=32, max_length=32), _hex, _HEX_32]
Signature = Annotated[
    bytes, BeforeValidator(parse_bytes), Field(max_length=8192), _hex, _text("^0x([0-9a-f]{2}){0,8192}$")
]
"""65 bytes of an externally owned account, or any bytes that an ERC-1271 wallet accepts."""
Address = Annotated[str, BeforeValidator(parse_address), _text("^0x[0-9a-fA-F]{40}$")]
Money = Annotated[
    int,
    BeforeValidator(_parse_money),
    Field(ge=0, lt=2**96),
    PlainSerializer(str, return_type=str, when_used="json"),
    _text("^[0-9]{1,29}$"),
]
"""Base units of a token; the contract holds amounts in 96 bits."""
UnixTime = Annotated[int, Field(ge=0, lt=2**40)]
Seconds = Annotated[int, Field(ge=0, lt=2**32)]


class Value(BaseModel):
    """Base of all protocol values: immutable, strict about unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")
