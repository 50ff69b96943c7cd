"""Errors: one tree, drawn in its docstring, each with a stable code that the documents explain, and a remedy."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from assay import errors
from assay.chain.interface import contract_interface
from assay.chain.remedies import REMEDIES
from assay.cli.main import main
from assay.errors import AssayError, ContractReverted, OfferRefused, OracleRefused

pytestmark = pytest.mark.unit

DOCS = (Path(__file__).parents[2] / "docs" / "errors.md").read_text()
BASES = {"AssayError", "SealError", "OracleError"}
"""Raised through their children alone."""


def classes(root: type[AssayError] = AssayError) -> Iterator[type[AssayError]]:
    yield root
    for child in root.__subclasses__():
        if child.__module__ == "assay.errors":
            yield from classes(child)


def contract_errors() -> set[str]:
    return {entry["name"] for entry in contract_interface()["abi"] if entry["type"] == "error"}


def test_every_exception_of_the_module_is_in_the_tree() -> None:
    defined = {name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, Exception)}
    assert defined == {kind.__name__ for kind in classes()}


@pytest.mark.parametrize("kind", list(classes()), ids=lambda kind: kind.__name__)
def test_every_error_is_drawn_in_the_docstring_and_explained(kind: type[AssayError]) -> None:
    assert kind.__name__ in (errors.__doc__ or "")
    if kind.__name__ not in BASES:
        code = re.sub(r"(?<!^)(?=[A-Z])", "_", kind.__name__).lower()
        assert f"`{code}`" in DOCS


def test_code_is_the_class_name() -> None:
    assert errors.NodeUnreachable("x").code == "node_unreachable"


def test_every_refusal_of_the_contract_has_a_remedy_and_no_other() -> None:
    assert set(REMEDIES) == contract_errors()


@pytest.mark.parametrize("name", sorted(contract_errors()))
def test_every_refusal_of_the_contract_is_explained_with_that_remedy(name: str) -> None:
    (row,) = re.findall(rf"^\| `{name}\(.*$", DOCS, re.MULTILINE)
    assert REMEDIES[name] in row


def test_explanations_name_the_arguments_of_the_contract() -> None:
    for entry in contract_interface()["abi"]:
        if entry["type"] == "error":
            names = ", ".join(parameter["name"] for parameter in entry["inputs"])
            assert f"`{entry['name']}({names})`" in DOCS


@pytest.mark.parametrize("text", sorted(set(REMEDIES.values())))
def test_commands_in_remedies_exist(text: str) -> None:
    for words in re.findall(r"assay ((?:[a-z-]+ ?)+)", text):
        command: click.Command = main
        for word in words.split():
            if not isinstance(command, click.Group):
                break
            found = command.get_command(click.Context(command), word)
            assert found is not None, text
            command = found


def test_refusals_say_what_was_refused() -> None:
    refusal = ContractReverted("BudgetTooSmall", {"required": 2, "available": 1}, hint="fund it")
    assert (refusal.message, refusal.hint) == (
        "the contract refused: BudgetTooSmall(required=2, available=1)",
        "fund it",
    )
    assert OracleRefused("busy", "later", status=429).problem == "busy"
    assert OfferRefused("data_error", "nan in row 3").reason_code == "data_error"
