"""The public names of ``assay``."""

import ast
import inspect

import pytest

import assay

pytestmark = pytest.mark.unit


def test_public_names_are_exactly_those_that_are_there() -> None:
    tree = ast.parse(inspect.getsource(assay))
    typed = [node for node in tree.body if isinstance(node, ast.If)]
    imported = {alias.name for node in ast.walk(typed[0]) if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert sorted(assay.__all__) == assay.__all__
    assert set(assay.__all__) == imported == {name for names in assay._MODULES.values() for name in names}


@pytest.mark.parametrize("name", assay.__all__)
def test_every_public_name_can_be_used(name: str) -> None:
    found = getattr(assay, name)
    assert found.__name__ == name
    assert found.__module__ in assay._MODULES
    assert name in dir(assay)


def test_other_names_are_refused() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Bidder'"):
        assay.Bidder  # noqa: B018
