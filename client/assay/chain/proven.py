"""``ProvenOracle``: its creation code, and what it verifies with, as the chain has it."""

import json
from functools import cache
from importlib.resources import files
from typing import Any

from eth_abi.abi import encode

from assay.chain.node import Node
from assay.protocol.proof.curve import Point
from assay.protocol.proof.evidence import Rule, constructor_values
from assay.protocol.proof.key import VerificationKey


@cache
def proven_interface() -> dict[str, Any]:
    """ABI and creation code of the contract that this version belongs to."""
    interface: dict[str, Any] = json.loads(files("assay").joinpath("abi/ProvenOracle.json").read_text())
    return interface


def creation_code(
    operator: str, settlement: str, model_id: bytes, key: VerificationKey, model: Point, rule: Rule
) -> bytes:
    """The code that creates the contract, with its arguments.

    Args:
        operator: Account whose key signs.
        settlement: The settlement contract.
        model_id: The model that it is the oracle of.
        key: Of the circuit.
        model: Commitment to the model's integers.
        rule: From a doubled price to money.
    """
    interface = proven_interface()
    inputs = next(entry["inputs"] for entry in interface["abi"] if entry["type"] == "constructor")
    values = constructor_values(operator, settlement, model_id, key, model, rule)
    code = bytes.fromhex(interface["creation_code"].removeprefix("0x"))
    return code + encode([_type(parameter) for parameter in inputs], values)


def operator_of(node: Node, contract: str) -> str:
    """The account whose key signs for a ``ProvenOracle``.

    Raises:
        ChainError: There is no such contract at the address.
    """
    found = node.contract(contract, proven_interface()["abi"])
    with node.errors():
        return str(found.functions.operator().call())


def _type(parameter: dict[str, Any]) -> str:
    """The canonical type of a parameter of an ABI; a struct as the tuple of its fields."""
    name = str(parameter["type"])
    if not name.startswith("tuple"):
        return name
    fields = ",".join(map(_type, parameter["components"]))
    return f"({fields})" + name.removeprefix("tuple")
