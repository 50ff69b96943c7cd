"""How commands end: one line, one exit code, JSON where it was asked for, and never a traceback."""

import errno
import getpass
import json
from collections.abc import Callable

import click
import pytest
from click.testing import CliRunner, Result

from assay.cli.group import Group
from assay.cli.main import main
from assay.cli.session import Session
from assay.cli.terminal import emit, json_option
from assay.errors import ChainError, ContractMissing, ExitCode, SealedDataTruncated, SettingsError, UsageError

pytestmark = pytest.mark.unit


def program(act: Callable[[], object]) -> click.Group:
    @click.group(cls=Group)
    def top() -> None: ...

    @top.group(cls=Group)
    def inner() -> None: ...

    @inner.command()
    @click.option("--number", type=int)
    @json_option
    def work(number: int | None, as_json: bool) -> None:
        act()
        emit({"number": number}, f"number\t{number}", as_json)

    return top


def run(act: Callable[[], object], *arguments: str) -> Result:
    result = CliRunner(mix_stderr=False).invoke(program(act), list(arguments))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def raising(error: BaseException) -> Callable[[], object]:
    def act() -> None:
        raise error

    return act


@pytest.mark.parametrize(
    ("error", "code", "name"),
    [
        (ContractMissing("none", hint="deploy it"), 1, "contract_missing"),
        (ChainError("refused"), 1, "chain_error"),
        (UsageError("two files"), 2, "usage_error"),
        (SettingsError("no such chain"), 2, "settings_error"),
        (OSError(errno.ENOSPC, "No space left", "/data"), 1, "usage_error"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (click.Abort(), 130, "interrupted"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_exit_code_and_json_of_every_end(error: BaseException, code: int, name: str) -> None:
    result = run(raising(error), "inner", "work", "--json")
    assert result.exit_code == code
    assert json.loads(result.stdout)["error"]["code"] == name
    assert "error: " in result.stderr


def test_error_is_one_line_with_its_hint() -> None:
    result = run(raising(ContractMissing("expected a contract, found none", hint="deploy it")), "inner", "work")
    assert (result.stdout, result.stderr) == ("", "error: expected a contract, found none\nhint: deploy it\n")


def test_error_without_a_hint_has_the_remedy_of_its_kind() -> None:
    work = raising(SealedDataTruncated("expected 2 bytes, got 1"))
    assert run(work, "inner", "work").stderr.endswith("\nhint: fetch or copy the file again\n")
    assert json.loads(run(work, "inner", "work", "--json").stdout)["error"]["hint"] == "fetch or copy the file again"
    assert "hint" not in run(raising(UsageError("two files")), "inner", "work").stderr


def test_fault_of_ours_is_not_hidden() -> None:
    result = CliRunner(mix_stderr=False).invoke(program(raising(ZeroDivisionError())), ["inner", "work"])
    assert isinstance(result.exception, ZeroDivisionError)


@pytest.mark.parametrize("text", ["\x1b[2Jgone", "a\rb", "\x07", "\u202egnp"])
def test_text_of_others_in_an_error_cannot_move_the_terminal(text: str) -> None:
    said = run(raising(UsageError(text)), "inner", "work").stderr
    assert said.startswith("error: ")
    assert said.removesuffix("\n").isprintable()


def test_interrupted_command_says_how_to_continue() -> None:
    result = run(raising(KeyboardInterrupt()), "inner", "work")
    assert (result.exit_code, "run the same command again" in result.stderr) == (ExitCode.INTERRUPTED, True)


def test_end_of_input_is_not_an_interruption() -> None:
    result = run(raising(EOFError()), "inner", "work")
    assert (result.exit_code, "end of the input" in result.stderr) == (ExitCode.USAGE, True)


@pytest.mark.parametrize(
    "arguments", [("--json", "inner", "work"), ("inner", "--json", "work"), ("inner", "work", "--json")]
)
def test_json_before_and_after_the_command(arguments: tuple[str, ...]) -> None:
    assert json.loads(run(lambda: None, *arguments).stdout) == {"number": None}
    failed = run(raising(ChainError("no")), *arguments)
    assert json.loads(failed.stdout)["error"]["message"] == "no"


@pytest.mark.parametrize(
    "arguments",
    [("inner", "work", "--number", "x"), ("inner", "work", "--numbr", "1"), ("inner", "wrk"), ("--nothing",)],
)
def test_wrong_use_is_json_too(arguments: tuple[str, ...]) -> None:
    plain = run(lambda: None, *arguments)
    assert (plain.exit_code, plain.stdout) == (2, "")
    result = run(lambda: None, *arguments, "--json")
    assert (result.exit_code, json.loads(result.stdout)["error"]["code"]) == (2, "usage_error")


@pytest.mark.parametrize(
    ("arguments", "suggested"),
    [
        (["sel"], "sell"),
        (["modle"], "model"),
        (["model", "fnd"], "fund"),
        (["orders", "--modle", "1"], "--model"),
    ],
)
def test_mistyped_word_is_answered_with_the_nearest(arguments: list[str], suggested: str) -> None:
    result = CliRunner(mix_stderr=False).invoke(main, arguments)
    assert result.exit_code == 2
    question = result.stderr.partition("Did you mean ")[2]
    assert suggested in question


def test_option_of_the_group_behind_a_command_is_shown_its_place() -> None:
    result = CliRunner(mix_stderr=False).invoke(main, ["sell", "pets.csv", "--home", "elsewhere"], prog_name="assay")
    assert (result.exit_code, "before the command's name: assay --home ..." in result.stderr) == (2, True)


def test_help_by_word_and_by_option() -> None:
    runner = CliRunner(mix_stderr=False)
    for words, options in ((["help"], ["-h"]), (["help", "model", "fund"], ["model", "fund", "-h"])):
        asked, option = runner.invoke(main, words, prog_name="assay"), runner.invoke(main, options, prog_name="assay")
        assert asked.stdout == option.stdout
    wrong = runner.invoke(main, ["help", "sel"])
    assert (wrong.exit_code, "Did you mean sell" in wrong.stderr) == (2, True)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_script(shell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("click.shell_completion.BashComplete._check_version", lambda *_: None)
    result = CliRunner(mix_stderr=False).invoke(main, ["completion", shell])
    assert (result.exit_code, f"_ASSAY_COMPLETE={shell}_complete" in result.stdout) == (0, True)


def test_command_names_are_completed() -> None:
    environment = {"_ASSAY_COMPLETE": "bash_complete", "COMP_WORDS": "assay mod", "COMP_CWORD": "1"}
    result = CliRunner(mix_stderr=False, env=environment).invoke(main, [], prog_name="assay")
    assert "plain,model" in result.stdout.splitlines()


def test_password_without_a_terminal_is_one_line_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("click.termui.hidden_prompt_func", getpass.fallback_getpass)
    with pytest.raises(UsageError) as refusal, Session({}) as session:
        _ = session.password
    assert "--password-file" in (refusal.value.hint or "")
