"""Commands that are imported when they run, and what the start of ``assay`` and ``assay-oracle`` costs."""

import resource
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from assay.cli.lazy import LazyCommand, LazyGroup
from assay.cli.main import COMMANDS
from assay_oracle.cli.main import COMMANDS as ORACLE_COMMANDS
from assay_oracle.cli.main import main as assay_oracle
from tests.kit.commands import leaves

HEAVY = (
    "web3",
    "httpx",
    "pydantic",
    "cryptography",
    "eth_account",
    "rich",
    "requests",
    "sqlalchemy",
    "fastapi",
    "numpy",
    "pyarrow",
    "assay_pricing",
    "torch",
)
BARE = """
import click

@click.group()
def main(): "A program."

@main.command()
def one(): "A command."

main()
"""
RUNS = 7
BOUND = 3
"""Processor time of ``--help``, in times of a click program that does nothing."""

programs = pytest.mark.parametrize("module", ["assay", "assay_oracle"])


@click.command()
def example() -> None:
    """Do one thing. And say more about it."""
    click.echo("done")


@pytest.mark.unit
def test_command_is_imported_when_it_runs() -> None:
    group = LazyGroup("group", lazy={"one": LazyCommand(f"{__name__}:example", "Do one thing.")})
    assert CliRunner().invoke(group, ["one"]).output == "done\n"
    absent = LazyGroup("group", lazy={"one": LazyCommand("no.such.module:one", "Do one thing.")})
    shown = CliRunner().invoke(absent, ["--help"])
    assert (shown.exit_code, "one  Do one thing." in shown.output) == (0, True)
    assert isinstance(CliRunner().invoke(absent, ["one"]).exception, ModuleNotFoundError)
    assert CliRunner().invoke(group, ["two"]).exit_code == 2


@pytest.mark.unit
def test_eager_commands_stay_beside_lazy_ones() -> None:
    group = LazyGroup("group", lazy={"one": LazyCommand(f"{__name__}:example", "Do one thing.")})
    group.add_command(example, "other")
    shown = CliRunner().invoke(group, ["--help"]).output
    assert [line.split()[0] for line in shown.splitlines() if "Do one thing." in line] == ["one", "other"]
    assert [path for path, _ in leaves(group, ())] == [("one",), ("other",)]


@pytest.mark.unit
@pytest.mark.parametrize("commands", [COMMANDS, ORACLE_COMMANDS], ids=["assay", "assay_oracle"])
def test_line_in_the_groups_help_is_the_commands_own(commands: dict[str, LazyCommand]) -> None:
    loaded = {name: lazy.load() for name, lazy in commands.items()}
    assert {name: lazy.help for name, lazy in commands.items()} == {
        name: command.get_short_help_str(limit=1000) for name, command in loaded.items()
    }
    assert all(command.name == name for name, command in loaded.items())
    assert sorted(commands) == list(commands)


@pytest.mark.unit
def test_commands_of_other_packages_come_from_entry_points() -> None:
    shown = CliRunner().invoke(assay_oracle, ["--help"])
    assert "bench     Benchmarks of Assay: what a price is worth" in shown.output
    assert CliRunner().invoke(assay_oracle, ["bench", "--help"]).exit_code == 0


@pytest.mark.integration
@programs
@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_and_version_import_no_heavy_library(module: str, option: str) -> None:
    code = (
        f"import sys, runpy; sys.argv = [{module!r}, {option!r}]\n"
        f"try: runpy.run_module({module!r}, run_name='__main__')\n"
        f"except SystemExit as end: assert not end.code\n"
        f"print('imported:', *(name for name in {HEAVY!r} if name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "imported:"


def processor_seconds(*command: str) -> float:
    """The least user and system time of several runs."""
    times = []
    for _ in range(RUNS):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, *command], stdout=subprocess.DEVNULL, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(times)


@pytest.mark.integration
@programs
@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_and_version_cost_little_more_than_a_program_that_does_nothing(
    module: str, option: str, tmp_path: Path
) -> None:
    bare = tmp_path / "bare.py"
    bare.write_text(BARE)
    assert processor_seconds("-m", module, option) <= BOUND * processor_seconds(str(bare), "--help")


@pytest.mark.unit
def test_optional_command_that_is_not_installed_says_what_adds_it() -> None:
    group = LazyGroup("group", lazy={}, entry_points="no.such.group", optional={"bench": "`make bench` adds it."})
    result = CliRunner(mix_stderr=False).invoke(group, ["bench"])
    assert result.exit_code == 2
    assert "No such command 'bench': it is not installed. `make bench` adds it." in result.stderr
