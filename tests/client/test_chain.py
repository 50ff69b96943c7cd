"""What the contract says when it refuses, what others did first, and where the contract is."""

import json
from pathlib import Path
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from assay.chain.interface import Deployment, contract_interface, decode_revert
from assay.chain.queries import send_unless_done
from assay.chain.remedies import REMEDIES
from assay.chain.values import Transaction
from assay.errors import ChainError, ContractReverted, NodeUnreachable, SettingsError
from assay.protocol.types import Status
from tests.kit.market import Market

pytestmark = pytest.mark.unit

SENT = Transaction(bytes(32), 1, 21_000)


def selector(signature: str) -> bytes:
    return keccak(text=signature)[:4]


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


# --- send_unless_done -------------------------------------------------------------------------------------------------


@pytest.fixture
def order_id(market: Market) -> bytes:
    _, record = market.locked()
    assert record.quote is not None
    return record.quote.order_id()


def test_what_was_sent_is_returned(market: Market, order_id: bytes) -> None:
    assert send_unless_done(market.chain, order_id, lambda: SENT) == SENT


@pytest.mark.parametrize("error", [ContractReverted("StatusMismatch", {}), NodeUnreachable("x"), ChainError("x")])
def test_refusal_is_success_where_somebody_was_faster(market: Market, order_id: bytes, error: ChainError) -> None:
    def send() -> Transaction:
        market.contract.change_order(order_id, status=Status.PAID)
        raise error

    assert send_unless_done(market.chain, order_id, send, seen=Status.LOCKED) is None


def test_refusal_is_success_where_somebody_was_faster_already(market: Market, order_id: bytes) -> None:
    """Between the look at the order and the step, not only during the step."""

    def send() -> Transaction:
        raise ContractReverted("StatusMismatch", {"orderId": order_id})

    assert send_unless_done(market.chain, order_id, send, seen=Status.REVEALED) is None


def test_refusal_is_told_where_nobody_was(market: Market, order_id: bytes) -> None:
    def send() -> Transaction:
        raise ContractReverted("KeyMismatch", {"orderId": order_id})

    with pytest.raises(ContractReverted, match="KeyMismatch"):
        send_unless_done(market.chain, order_id, send, seen=Status.LOCKED)


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
