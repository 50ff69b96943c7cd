"""Token contracts as they are: symbol and decimals are optional in ERC-20, and allowances have rules of their own."""

from collections.abc import Callable
from typing import Any

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from assay.amounts import ETHER, Token
from assay.chain.gas import GAS_LIMITS
from assay.chain.node import Node
from assay.chain.remedies import REMEDIES
from assay.chain.sender import Sender
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


def allow(node: Node, sender: Sender, token: str, spender: str, amount: int) -> None:
    """Lets ``spender`` take ``amount`` base units of ``token`` from the sender's account, unless it may already.

    Some tokens (USDT) return nothing from ``approve`` and change an allowance from zero or to zero alone.

    Raises:
        ChainError: There is no ERC-20 token, the account holds too little of it, or it grants no allowance.
    """
    owner = sender.signer.address
    held, allowed = _holdings(node, token, owner, spender)
    if held < amount:
        raise ChainError(
            f"expected {amount} base units of token {token} in account {owner}, found {held}",
            hint="send the token to this account first",
        )
    if allowed >= amount:
        return
    approve = node.token(token).functions.approve
    limit = GAS_LIMITS["approve"]
    if allowed and not _is_taken(node, approve(spender, amount), owner):
        sender.send(approve(spender, 0), gas_limit=limit)
    sender.send(approve(spender, amount), gas_limit=limit)
    if node.allowance(token, owner, spender) < amount:
        raise ChainError(
            f"expected token {token} to let the contract take {amount} base units, it does not",
            hint="use another token, for a model of its own",
        )


def _holdings(node: Node, token: str, owner: str, spender: str) -> tuple[int, int]:
    """What ``owner`` holds, and what ``spender`` may take of it."""
    if not node.code(token):
        raise ChainError(f"expected an ERC-20 token at {token}, found no contract", hint=REMEDIES["TokenNotContract"])
    try:
        return node.balance(owner, token), node.allowance(token, owner, spender)
    except NodeUnreachable:
        raise
    except ChainError:
        raise ChainError(
            f"expected an ERC-20 token at {token}, found a contract that does not answer as one",
            hint=REMEDIES["TokenNotContract"],
        ) from None


def _is_taken(node: Node, function: Any, account: str) -> bool:
    """Whether a call would succeed now."""
    try:
        with node.errors():
            function.call({"from": account, "gas": GAS_LIMITS["approve"]})
    except NodeUnreachable:
        raise
    except ChainError:
        return False
    return True


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
