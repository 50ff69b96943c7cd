"""Commands that are imported when they run, and what the start of ``assay`` and ``assay-oracle`` costs."""

import resource
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from assay.cli.lazy import LazyCommand, LazyGroup
from assay.cli.main import main as assay
from tests.kit.commands import leaves

HEAVY = ("web3", "httpx", "pydantic", "cryptography", "eth_account", "rich", "requests")
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

groups = pytest.mark.parametrize("group", [assay], ids=["assay"])
programs = pytest.mark.parametrize("module", ["assay"])


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
@groups
def test_line_in_the_groups_help_is_the_commands_own(group: LazyGroup) -> None:
    own = {name: lazy.load().get_short_help_str(limit=1000) for name, lazy in group.lazy_commands().items()}
    assert {name: lazy.help for name, lazy in group.lazy_commands().items()} == own


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
    assert processor_seconds("-m", module, option) < BOUND * processor_seconds(str(bare), "--help")
