"""The interface explains itself: NatSpec as the compiler reads it, of every function, event and error."""

from typing import Any

import pytest

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def interface(project: Any) -> Any:
    return project.ISettlement.contract_type


def documented(interface: Any, kind: str, entry: Any) -> tuple[str, set[str], set[str]]:
    """Notice, and names of parameters and returns, in the NatSpec of one entry of the ABI."""
    user = interface.userdoc[kind][entry.selector]
    developer = interface.devdoc[kind].get(entry.selector, {})
    if kind == "errors":  # solc lists them: two contracts may declare an error of one signature
        (user,) = user
        (developer,) = developer or [{}]
    return user["notice"], set(developer.get("params", {})), set(developer.get("returns", {}))


@pytest.mark.parametrize("kind", ["events", "errors"])
def test_every_event_and_error_has_a_notice_and_all_its_parameters(interface: Any, kind: str) -> None:
    beginning = {"events": "Emitted when", "errors": "Thrown when"}[kind]
    entries = getattr(interface, kind)
    assert entries
    for entry in entries:
        notice, parameters, _ = documented(interface, kind, entry)
        assert notice.startswith(beginning), entry.name
        assert parameters == {value.name for value in entry.inputs}, entry.name


def test_every_function_has_a_notice_and_all_its_parameters_and_returns(interface: Any) -> None:
    functions = [*interface.view_methods, *interface.mutable_methods]
    assert functions
    for entry in functions:
        notice, parameters, returns = documented(interface, "methods", entry)
        assert notice, entry.name
        assert parameters == {value.name for value in entry.inputs}, entry.name
        assert returns == {value.name or f"_{i}" for i, value in enumerate(entry.outputs)}, entry.name
