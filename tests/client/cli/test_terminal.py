"""The edge: exact amounts, clean ids, errors without traceback, nothing of others that moves the terminal."""

import json
from typing import Any

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.cli.params import ADDRESS, AMOUNT, HEX32
from assay.cli.terminal import emit, printable, progress, report

pytestmark = pytest.mark.unit

A = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"


@pytest.mark.parametrize("text", ["\x1b[2Jgone", "a\rb", "\x07", "\x9b31m", "\u202egnp", "\x00"])
def test_text_of_others_cannot_move_the_terminal(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    report(f"the oracle says: {text} [red]x[/red]")
    shown = capsys.readouterr().err
    assert shown.rstrip("\n").isprintable()
    assert "[red]x[/red]" in shown


def test_ordinary_text_is_left_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert printable("zwölf\n3 € für Daten") == "zwölf\n3 € für Daten"
    report("a long reason " * 20)
    assert capsys.readouterr().err == "a long reason " * 20 + "\n"


# --- amounts ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "wei"),
    [
        ("0", 0),
        ("1000", 1000),
        ("1wei", 1),
        ("20gwei", 20 * 10**9),
        ("0.5ether", 5 * 10**17),
        ("0.000000000000000001 eth", 1),
        ("1.50ETHER", 15 * 10**17),
        (str(2**96 - 1), 2**96 - 1),
        ("1.0", 1),
    ],
)
def test_amount(text: str, wei: int) -> None:
    assert AMOUNT.convert(text, None, None) == wei


NO_AMOUNTS = ("", "-1", "1.5", "0.0000000000000000001ether", "1e18", "1 dollar", "0x10", ".5ether", "1.", "nan")


@pytest.mark.parametrize("text", [*NO_AMOUNTS, "\u0661", "1" * 5000, str(2**96)], ids=lambda text: ascii(text[:30]))
def test_amount_that_is_none(text: str) -> None:
    with pytest.raises(click.BadParameter):
        AMOUNT.convert(text, None, None)


@given(amount=st.integers(0, 2**96 - 1))
def test_amount_is_exact(amount: int) -> None:
    whole, fraction = divmod(amount, 10**18)
    assert AMOUNT.convert(f"{whole}.{fraction:018d}ether", None, None) == amount == AMOUNT.convert(amount, None, None)


# --- ids and addresses ------------------------------------------------------------------------------------------------


def test_id_with_or_without_prefix() -> None:
    assert HEX32.convert("0x" + "ab" * 32, None, None) == HEX32.convert("ab" * 32, None, None) == b"\xab" * 32


@pytest.mark.parametrize("text", ["", "0x", "0x12", "zz" * 32, "ab" * 33, "0x0x" + "ab" * 32])
def test_id_that_is_none(text: str) -> None:
    with pytest.raises(click.BadParameter, match="expected 32 bytes"):
        HEX32.convert(text, None, None)


def test_address_in_any_case() -> None:
    assert ADDRESS.convert(A.lower(), None, None) == ADDRESS.convert(A, None, None) == A


@pytest.mark.parametrize("text", ["", "me", A[:-1], A + "0", A.replace("C51812", "c51812")])
def test_address_that_is_none(text: str) -> None:
    with pytest.raises(click.BadParameter, match="expected a"):
        ADDRESS.convert(text, None, None)


# --- output -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("as_json", [True, False])
def test_result_is_text_or_json(as_json: bool, capsys: pytest.CaptureFixture[str]) -> None:
    result: dict[str, Any] = {"id": b"\x01" * 2, "amount": str(2**90), "none": None}
    emit(result, "short", as_json)
    out = capsys.readouterr().out
    assert json.loads(out) == {"id": "0x0101", "amount": str(2**90), "none": None} if as_json else out == "short\n"


def test_progress_goes_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("sealing", 10) as done:
        done(10)
    assert capsys.readouterr().out == ""
