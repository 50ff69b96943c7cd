"""What the contract says when it refuses, and where it was deployed."""

import json
from pathlib import Path
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_abi.exceptions import DecodingError
from eth_utils.crypto import keccak
from web3 import Web3

from assay.chain.interface import Deployment, contract_interface, decode_revert, view
from assay.chain.remedies import REMEDIES
from assay.errors import SettingsError

pytestmark = pytest.mark.unit


def selector(signature: str) -> bytes:
    return keccak(text=signature)[:4]


# --- view -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("orderState", (b"\x07" * 32,)),
        ("creditOf", ("0x" + 40 * "0", "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266")),
        ("oracleState", (b"\x07" * 32, "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266")),
    ],
)
def test_call_of_a_view_is_the_one_that_web3_makes(name: str, arguments: tuple[Any, ...]) -> None:
    contract = Web3().eth.contract(abi=contract_interface()["abi"])
    assert view(name).calldata(*arguments).hex() == contract.encode_abi(name, list(arguments)).removeprefix("0x")


def test_answer_of_a_view_is_read_by_its_types() -> None:
    answer = encode(["address", "uint256", "bool"], ["0x" + 40 * "a", 7, True])
    assert tuple(view("modelState").values(answer)) == ("0x" + 40 * "a", 7, True)
    with pytest.raises(DecodingError):
        view("modelState").values(answer[:-1])


# --- decode_revert ----------------------------------------------------------------------------------------------------


def test_refusal_is_named_with_its_arguments_and_a_remedy() -> None:
    data = selector("BudgetTooSmall(uint256,uint256)") + encode(["uint256", "uint256"], [7, 3])
    found = decode_revert(data)
    assert found is not None
    assert (found.error, found.arguments) == ("BudgetTooSmall", {"required": 7, "available": 3})
    assert found.hint == REMEDIES["BudgetTooSmall"]


def test_bytes_in_a_refusal_are_shown_as_hex() -> None:
    found = decode_revert(selector("OrderMismatch(bytes32)") + b"\xab" * 32)
    assert found is not None
    assert found.arguments == {"orderId": "0x" + 32 * "ab"}


@pytest.mark.parametrize(
    "entry", [e for e in contract_interface()["abi"] if e["type"] == "error"], ids=lambda entry: str(entry["name"])
)
def test_every_error_of_the_contract_is_recognized(entry: dict[str, Any]) -> None:
    kinds = [parameter["type"] for parameter in entry["inputs"]]
    zeros = {"address": "0x" + 40 * "0", "bytes32": bytes(32)}
    data = selector(f"{entry['name']}({','.join(kinds)})") + encode(kinds, [zeros.get(kind, 0) for kind in kinds])
    found = decode_revert(data)
    assert found is not None
    assert found.error == entry["name"]
    assert list(found.arguments) == [parameter["name"] for parameter in entry["inputs"]]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x01",
        selector("Error(string)") + encode(["string"], ["no"]),
        selector("BudgetTooSmall(uint256,uint256)"),
        selector("BudgetTooSmall(uint256,uint256)") + bytes(63),
    ],
    ids=["nothing", "short", "foreign", "no_arguments", "cut"],
)
def test_refusal_that_is_none_of_ours(data: bytes) -> None:
    assert decode_revert(data) is None


# --- Deployment -------------------------------------------------------------------------------------------------------

RECORD = {"chain_id": 31337, "address": "0x" + 40 * "1", "block": 7, "code_hash": "0x" + 64 * "2"}


def test_record_is_read_whatever_else_is_in_it(tmp_path: Path) -> None:
    path = tmp_path / "31337.json"
    path.write_text(json.dumps(RECORD | {"compiler": "0.8.28"}))
    found = Deployment.read(path)
    assert (found.chain_id, found.address, found.block, found.code_hash) == (31337, "0x" + 40 * "1", 7, b"\x22" * 32)


def test_record_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="found none") as raised:
        Deployment.read(tmp_path / "1.json")
    assert "ape run deploy" in str(raised.value.hint)


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "7", "{}", json.dumps(RECORD | {"address": "0x1"}), json.dumps(RECORD | {"block": "latest"})],
    ids=["empty", "cut", "list", "number", "nothing", "address", "block"],
)
def test_record_that_is_none(tmp_path: Path, content: str) -> None:
    path = tmp_path / "31337.json"
    path.write_text(content)
    with pytest.raises(SettingsError, match="not a deployment record"):
        Deployment.read(path)
