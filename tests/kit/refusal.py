"""The contract's refusals."""

from typing import Any

from eth_abi.abi import encode
from eth_utils.abi import function_abi_to_4byte_selector

from assay.chain.interface import contract_interface, decode_revert
from assay.errors import ContractReverted

ERRORS = {entry["name"]: entry for entry in contract_interface()["abi"] if entry["type"] == "error"}


def refusal(error: str, *arguments: Any) -> ContractReverted:
    """The contract's ``error``, as the client decodes it from the bytes that the contract would return."""
    entry = ERRORS[error]
    types = [parameter["type"] for parameter in entry["inputs"]]
    reverted = decode_revert(function_abi_to_4byte_selector(entry) + encode(types, arguments))
    assert reverted is not None
    return reverted
