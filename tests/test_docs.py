"""Documents are code: what they show is run, what they list is complete."""

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from assay.cli import main as assay
from assay_oracle.cli import main as assay_oracle

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()
ERRORS = (ROOT / "docs" / "errors.md").read_text()
ABI = json.loads((ROOT / "client" / "assay" / "abi" / "Settlement.json").read_text())["abi"]
COMMANDS = {"assay": assay, "assay-oracle": assay_oracle}


def shown_commands() -> list[str]:
    """Every line after a ``$`` in the README's console blocks, continuation lines joined."""
    blocks = re.findall(r"```console\n(.*?)```", README, re.DOTALL)
    return [line[2:] for block in blocks for line in block.replace("\\\n", " ").splitlines() if line.startswith("$ ")]


def leaves(command: click.Command, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command under ``command`` that is not a group."""
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            child = command.get_command(click.Context(command), name)
            assert child is not None
            yield from leaves(child, (*path, name))
    else:
        yield path, command


ALL_LEAVES = [leaf for name, group in COMMANDS.items() for leaf in leaves(group, (name,))]


@pytest.mark.unit
@pytest.mark.parametrize("line", shown_commands())
def test_every_command_in_the_readme_exists_with_those_options(line: str) -> None:
    words = shlex.split(line, comments=True)
    if words[0] == "make":
        assert re.search(rf"^{words[1]}:", MAKEFILE, re.MULTILINE), line
        return
    command: click.Command = COMMANDS[words.pop(0)]
    while isinstance(command, click.Group):
        found = command.get_command(click.Context(command), words.pop(0))
        assert found is not None, line
        command = found
    options = {flag for parameter in command.params for flag in (*parameter.opts, *parameter.secondary_opts)}
    used = {word.split("=")[0] for word in words if word.startswith("-")}
    assert used <= options, f"{line}: {used - options}"


@pytest.mark.unit
@pytest.mark.parametrize(
    ("path", "command"), ALL_LEAVES, ids=lambda value: " ".join(value) if isinstance(value, tuple) else ""
)
def test_every_command_has_help_with_an_example_and_json(path: tuple[str, ...], command: click.Command) -> None:
    text = command.get_help(click.Context(command, info_name=" ".join(path)))
    assert re.search(r"\bexamples?\b", text, re.IGNORECASE), f"{path}: no example in --help"
    assert "--json" in {flag for parameter in command.params for flag in parameter.opts}, path


@pytest.mark.integration
@pytest.mark.parametrize("name", COMMANDS)
def test_the_installed_commands_start(name: str) -> None:
    done = subprocess.run([Path(sys.executable).parent / name, "--help"], capture_output=True, text=True, check=True)
    assert "Usage" in done.stdout


@pytest.mark.unit
def test_every_contract_error_is_explained() -> None:
    names = {entry["name"] for entry in ABI if entry["type"] == "error"}
    missing = sorted(name for name in names if f"`{name}" not in ERRORS)
    assert not missing, f"docs/errors.md does not explain {missing}"


@pytest.mark.unit
def test_readme_names_every_folder_of_the_house() -> None:
    for folder in ("contracts/", "client/assay/", "oracle/assay_oracle/", "tests/", "scripts/", "docs/"):
        assert f"`{folder}`" in README
