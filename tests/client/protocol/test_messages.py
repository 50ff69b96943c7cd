"""Messages between client and oracle: the same after JSON, bounded, and strict about what is not of the protocol."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from assay.protocol.messages import AcceptanceRequest, ModelInfo, OfferRequest, OfferState, OfferStatus, Problem
from assay.protocol.schema import Feature, Schema
from tests.kit.problems import problem_details
from tests.kit.samples import QUOTE, TERMS, WORD, A

pytestmark = pytest.mark.unit

REQUEST = OfferRequest(
    model_id=WORD, seller=A, data_root=WORD, nonce=WORD, signature=bytes(65), upload_bytes=10, sealed_key="age"
)
STATE = OfferState(
    offer_id=WORD, status=OfferStatus.QUOTED, upload_bytes=10, quote=QUOTE, oracle_signature=bytes(65), order_id=WORD
)
INFO = ModelInfo(
    model_id=WORD,
    terms=TERMS,
    schema=Schema(task="classification", features=(Feature(name="x"),), label="y", classes=("0", "1")),
    metric="log_loss",
    pricing="graded",
    method="distillation",
    fidelity=0.97,
    remainder=WORD,
)
ACCEPTANCE = AcceptanceRequest(key_hash=WORD, signature=bytes(65))


@pytest.mark.parametrize("names", [("x", "x"), ("x", "y")], ids=["features", "feature and label"])
def test_columns_have_names_of_their_own(names: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="expected columns of distinct names, got more than one"):
        Schema(task="regression", features=tuple(Feature(name=name) for name in names), label="y")


@pytest.mark.parametrize("value", [REQUEST, STATE, INFO, ACCEPTANCE], ids=lambda value: type(value).__name__)
def test_json_and_back(value: Any) -> None:
    assert type(value).model_validate_json(value.model_dump_json(by_alias=True)) == value


def test_binary_fields_are_hex_and_the_schema_has_its_name() -> None:
    assert json.loads(REQUEST.model_dump_json())["nonce"] == "0x" + WORD.hex()
    assert "schema" in json.loads(INFO.model_dump_json(by_alias=True))


@pytest.mark.parametrize(
    "changes",
    [
        {"upload_bytes": 0},
        {"sealed_key": "x" * 2049},
        {"signature": bytes(8193)},
        {"seller": "me"},
        {"nonce": bytes(31)},
        {"more": 1},
    ],
    ids=str,
)
def test_request_that_is_none(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        OfferRequest(**{**REQUEST.model_dump(), **changes})


@pytest.mark.parametrize("fidelity", [-0.1, 1.1, float("nan")])
def test_fidelity_that_is_none(fidelity: float) -> None:
    with pytest.raises(ValidationError):
        ModelInfo(**{**INFO.model_dump(by_alias=True), "fidelity": fidelity})


def test_problem_needs_no_hint_and_may_have_members_that_are_not_known() -> None:
    problem = problem_details("x", "y", status=400)
    assert Problem.model_validate(problem | {"trace": "1"}) == Problem(**problem)
    assert Problem(**problem).hint is None


@pytest.mark.parametrize("missing", ["code", "detail", "status", "type"])
def test_error_of_another_program_is_no_problem(missing: str) -> None:
    problem = problem_details("x", "y", status=400)
    with pytest.raises(ValidationError):
        Problem(**{name: value for name, value in problem.items() if name != missing})
