"""``ProvenOracle``: its creation code, and what it verifies with, as the chain has it."""

import json
import re
from functools import cache
from importlib.resources import files
from typing import Any

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from assay.chain.node import Node
from assay.errors import ChainError, NodeUnreachable, SettingsError
from assay.protocol.proof.curve import Point, from_bytes
from assay.protocol.proof.evidence import Rule, constructor_values, deployed_values
from assay.protocol.proof.key import VerificationKey
from assay.protocol.proof.proven import ProofTerms
from assay.protocol.statements import Domain
from assay.protocol.types import ModelId

_PUSH = b"\x7f"
"""PUSH32: where code has an immutable. An address fills its last 20 bytes."""
_ADDRESS = re.compile(_PUSH + rb"\x00{12}(?!\x00{20})(.{20})", re.DOTALL)
_NOTHING = _PUSH + bytes(32)


class ProofsNotTaken(SettingsError):
    """A model's oracle on chain is no contract that takes the proofs at hand.

    Remedy: the model's owner names the contract that was made of these proofs (`assay model set-oracle`).
    """


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


def operator_of(
    node: Node, contract: str, domain: Domain, model_id: ModelId, key: VerificationKey, terms: ProofTerms
) -> str:
    """The account whose key signs for a model's ``ProvenOracle``, which takes proofs by these terms.

    Args:
        node: Of the chain.
        contract: The model's oracle.
        domain: Where the quotes are valid.
        model_id: The model.
        key: Of the circuit.
        terms: Commitment to the model's integers, and from a doubled price to money.

    Raises:
        NodeUnreachable: No node answers.
        ProofsNotTaken: There is no such contract at the address, or it takes other proofs.
    """
    model = from_bytes(terms.model)
    functions = node.contract(contract, proven_interface()["abi"]).functions
    try:
        with node.errors():
            operator, settlement = str(functions.operator().call()), str(functions.settlement().call())
            found, (stated, commitment, by) = bytes(functions.modelId().call()), functions.terms().call()
    except NodeUnreachable:
        raise
    except ChainError:
        raise ProofsNotTaken(
            f"expected a contract that asks for proofs as the model's oracle, {contract} is none",
            hint="make one (assay-oracle proof contract), and name it: assay model set-oracle",
        ) from None
    for what, has, wanted in (
        ("settlement contract", settlement, domain.contract),
        ("model", f"0x{found.hex()}", f"0x{model_id.hex()}"),
        ("verification key", _plain(stated), _plain(deployed_values(key, model))),
        ("commitment to the model's integers", _plain(commitment), _plain(model)),
        ("rule from gains to money", _plain(by), _plain(terms.money.rule())),
    ):
        if has != wanted:
            shown = f" {wanted}, got {has}" if isinstance(wanted, str) else ", got another"
            raise ProofsNotTaken(
                f"expected an oracle {contract} with the {what} of these proofs{shown}",
                hint="make a contract of them (assay-oracle proof contract), and name it: assay model set-oracle",
            )
    return operator


def check_code(node: Node, contract: str, operator: str, domain: Domain, model_id: ModelId) -> None:
    """Checks that a ``ProvenOracle`` has the code of this version, and not that of one which only answers alike.

    Such a contract could accept two prices of one data set, and its maker take the bond of the operator for it.

    Args:
        node: Of the chain.
        contract: Whose terms were checked (``operator_of``).
        operator: What it answered.
        domain: Of its settlement contract.
        model_id: Its model.

    Raises:
        NodeUnreachable: No node answers.
        ProofsNotTaken: It has other code.
    """
    code = node.code(contract)
    addresses = set(_ADDRESS.findall(code))
    blank = _ADDRESS.sub(_NOTHING, code.replace(_PUSH + model_id, _NOTHING))
    known = {bytes.fromhex(address[2:]) for address in (operator, domain.contract)}
    is_filled = len(addresses - known) == 1 and len(addresses) == len(known) + 1 and _NOTHING not in code
    if not is_filled or f"0x{keccak(blank).hex()}" != proven_interface()["runtime_code_hash"]:
        raise ProofsNotTaken(
            f"expected the code of this version's ProvenOracle at {contract}, got other code",
            hint="whoever made it could take a bond for it: make a contract of your own (assay-oracle proof contract), "
            "and let the model's owner name it: assay model set-oracle",
        )


def _plain(value: Any) -> Any:
    """Tuples in place of lists, at any depth: what a contract answers may have either."""
    return tuple(map(_plain, value)) if isinstance(value, list | tuple) else value


def _type(parameter: dict[str, Any]) -> str:
    """The canonical type of a parameter of an ABI; a struct as the tuple of its fields."""
    name = str(parameter["type"])
    if not name.startswith("tuple"):
        return name
    fields = ",".join(map(_type, parameter["components"]))
    return f"({fields})" + name.removeprefix("tuple")
