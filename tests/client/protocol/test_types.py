"""Scalars: exact, bounded as the contract bounds them."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from assay.protocol.types import Address, Bytes32, Money
from tests.kit.samples import QUOTE, A

pytestmark = pytest.mark.unit

money: TypeAdapter[int] = TypeAdapter(Money)


def test_money_is_decimal_text_in_json() -> None:
    assert json.loads(QUOTE.model_dump_json())["price"] == str(2**96 - 1)


@given(amount=st.integers(0, 2**96 - 1))
def test_money_is_exact(amount: int) -> None:
    assert money.validate_python(str(amount)) == money.validate_python(amount) == amount


@pytest.mark.parametrize("amount", [-1, 2**96, "-1", "1.5", "1e18", "0x10", 1.0, True, None, "", "\u0661"], ids=ascii)
def test_money_that_is_none(amount: Any) -> None:
    with pytest.raises(ValidationError):
        money.validate_python(amount)


@pytest.mark.parametrize("value", ["0x", "0x12", bytes(31), bytes(33), "zz" * 32, 7, None], ids=repr)
def test_word_of_another_length_is_refused(value: Any) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Bytes32).validate_python(value)


@pytest.mark.parametrize("value", ["0x12", "vitalik.eth", A[:-1], A[:-2] + "c8", b"", None, 7], ids=repr)
def test_address_that_is_none(value: Any) -> None:
    with pytest.raises(ValidationError, match=r"expected an? .*address"):
        TypeAdapter(Address).validate_python(value)


def test_address_gets_its_checksum() -> None:
    assert TypeAdapter(Address).validate_python(A.lower()) == A
