"""What a token contract says of itself: symbol and decimals, which ERC-20 leaves optional."""

from collections.abc import Callable
from typing import Any

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from assay.amounts import ETHER, Token
from assay.chain.node import Node
from assay.errors import ChainError, NodeUnreachable
from assay.protocol.types import NATIVE_TOKEN

_MOST_BYTES = 1024
"""Bytes of an answer that are looked at: a contract may answer with any number."""


def read_token(node: Node, address: str) -> Token:
    """Symbol and decimals of the token at ``address``; of the native coin for the zero address.

    Raises:
        NodeUnreachable: No node answers.
    """
    if address == NATIVE_TOKEN:
        return ETHER
    return Token.erc20(
        address, _read(node, address, "symbol()", _symbol), _read(node, address, "decimals()", _decimals)
    )


def _read(node: Node, address: str, function: str, decoded: Callable[[bytes], Any]) -> Any:
    """The answer of a function without arguments; None if the contract does not have it, or answers nonsense."""
    try:
        with node.errors():
            answer = bytes(node.web3.eth.call({"to": to_checksum_address(address), "data": keccak(text=function)[:4]}))
        return decoded(answer[:_MOST_BYTES])
    except NodeUnreachable:
        raise
    except (ChainError, DecodingError, UnicodeDecodeError, OverflowError):
        return None


def _symbol(answer: bytes) -> str:
    """A string, or 32 bytes filled up with zeros, as tokens from before the standard answer."""
    if len(answer) == 32:
        return answer.rstrip(b"\0").decode()
    return str(decode(["string"], answer)[0])


def _decimals(answer: bytes) -> int:
    return int(decode(["uint256"], answer)[0])
