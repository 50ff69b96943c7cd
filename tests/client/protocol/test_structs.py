"""Structs of the contract: the same fields, identifiers and digests, and the same after JSON."""

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak
from pydantic import ValidationError

from assay.chain.interface import contract_interface
from assay.protocol.structs import AbiValue, ModelTerms, Quote, Status, key_hash, order_id
from tests.kit.samples import ORDER, QUOTE, TERMS, WORD, A

pytestmark = pytest.mark.unit

values = pytest.mark.parametrize("value", [TERMS, QUOTE, ORDER], ids=lambda value: type(value).__name__)


def struct_types(name: str) -> list[str]:
    """Types of a struct's members in the contract's ABI."""
    for entry in contract_interface()["abi"]:
        for parameter in (*entry.get("inputs", ()), *entry.get("outputs", ())):
            if parameter.get("internalType") == f"struct {name}":
                return [member["type"] for member in parameter["components"]]
    return pytest.fail(f"no struct {name} in the ABI")


@values
def test_struct_is_the_contracts(value: AbiValue) -> None:
    assert list(value.ABI_TYPES) == struct_types(type(value).__name__)
    assert len(value.ABI_TYPES) == len(type(value).model_fields)
    assert len(value.abi_encode()) == 32 * len(value.ABI_TYPES)


@values
def test_json_and_back(value: AbiValue) -> None:
    assert type(value).model_validate_json(value.model_dump_json()) == value


def test_values_are_fixed_and_know_all_their_fields() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        QUOTE.price = 1  # type: ignore[misc]
    with pytest.raises(ValidationError, match="extra"):
        Quote(**QUOTE.model_dump(), more=1)


def test_identifiers_are_the_contracts_formulas() -> None:
    other = b"\x02" * 32
    assert order_id(WORD, other) == keccak(encode(["bytes32", "bytes32"], [WORD, other]))
    assert QUOTE.order_id() == ORDER.order_id() == order_id(WORD, WORD)
    tag = b"assay/key/v1".ljust(32, b"\0")
    assert key_hash(WORD, other) == keccak(encode(["bytes32"] * 3, [tag, WORD, other]))
    assert TERMS.model_id(1, A) == keccak(encode(["uint256", "address"], [1, A]) + TERMS.abi_encode())


def test_model_is_bound_to_chain_contract_and_every_term() -> None:
    ids = {TERMS.model_id(1, A), TERMS.model_id(2, A), TERMS.model_id(1, "0x" + 39 * "0" + "1")}
    for name in ModelTerms.model_fields:
        value = getattr(TERMS, name)
        other = {bytes: b"\x09" * 32, int: 7, str: "0x" + 39 * "0" + "9", bool: True}[type(value)]
        ids.add(TERMS.model_copy(update={name: other}).model_id(1, A))
    assert len(ids) == 3 + len(ModelTerms.model_fields)


def test_status_counts_as_the_contract_does() -> None:
    assert [status.name for status in Status] == ["NONE", "LOCKED", "REVEALED", "PAID", "DISPUTED", "REFUNDED"]


def test_contract_stores_the_low_bytes_of_the_digest() -> None:
    assert ORDER.digest() == keccak(ORDER.abi_encode())
    assert ORDER.stored_digest() == ORDER.digest()[6:]
    assert len(ORDER.stored_digest()) == 26
