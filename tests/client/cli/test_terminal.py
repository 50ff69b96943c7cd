"""The edge: exact amounts, clean ids, errors without traceback, nothing of others that moves the terminal."""

import errno
import json
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from assay.cli.params import ADDRESS, AMOUNT, HEX32
from assay.cli.terminal import Group, emit, json_option, printable, progress, report
from assay.errors import ContractMissing

pytestmark = pytest.mark.unit

A = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"


def raising(error: BaseException, *arguments: str) -> Result:
    @click.group(cls=Group)
    def main() -> None: ...

    @main.group()
    def inner() -> None: ...

    @inner.command()
    @json_option
    def fail(as_json: bool) -> None:
        raise error

    return CliRunner(mix_stderr=False).invoke(main, ["inner", "fail", *arguments])


def test_error_is_one_line_with_its_hint_and_status_1() -> None:
    result = raising(ContractMissing("expected a contract, found none", hint="deploy it"))
    assert result.exit_code == 1
    assert result.stderr == "error: expected a contract, found none\nhint: deploy it\n"
    assert result.stdout == ""


def test_error_is_json_where_json_was_asked_for() -> None:
    result = raising(ContractMissing("none", hint="deploy it"), "--json")
    shown = {"code": "contract_missing", "message": "none", "hint": "deploy it"}
    assert json.loads(result.stdout) == {"error": shown}
    assert "error: none" in result.stderr


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EISDIR])
def test_trouble_with_the_disk_is_an_error_too(number: int) -> None:
    result = raising(OSError(number, "Trouble", "/data/file"))
    assert (result.exit_code, result.stderr) == (1, "error: cannot use /data/file: Trouble\n")


def test_fault_of_ours_is_not_hidden() -> None:
    assert isinstance(raising(ZeroDivisionError()).exception, ZeroDivisionError)


@pytest.mark.parametrize("text", ["\x1b[2Jgone", "a\rb", "\x07", "\x9b31m", "\u202egnp", "\x00"])
def test_text_of_others_cannot_move_the_terminal(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    report(f"the oracle says: {text} [red]x[/red]")
    shown = capsys.readouterr().err
    assert shown.rstrip("\n").isprintable()
    assert "[red]x[/red]" in shown
    assert raising(ContractMissing(text)).stderr.rstrip("\n").isprintable()


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
