"""One town for all tests, and people who are new in it."""

import itertools
from collections.abc import Iterator

import pytest
from scripts.localnet import anvil

from tests.kit.town import Party, Town


@pytest.fixture(scope="package")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    folder = tmp_path_factory.mktemp("town")
    with anvil(folder / "anvil.log") as node, Town(folder, node) as made:
        yield made


names = itertools.count(1)


def newcomer(town: Town) -> Party:
    """A data owner whom the oracle does not know."""
    number = next(names)
    return Party(town, f"seller{number}", key=number.to_bytes(32, "big"))


@pytest.fixture
def ada(town: Town) -> Party:
    """A data owner."""
    return newcomer(town)


@pytest.fixture
def bob(town: Town) -> Party:
    """Another one."""
    return newcomer(town)
