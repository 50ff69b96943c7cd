"""Actors of the contract's specification, each with one part to play. Every test begins with the same fresh world."""

from collections.abc import Iterator
from typing import Any

import pytest
from ape_ethereum.trace import Trace

from tests.contracts.world import Currency, World


def pytest_addoption(parser: pytest.Parser) -> None:
    """How long the state machine plays."""
    parser.addoption("--state-machine-examples", type=int, default=5, help="games of 15 moves for each currency")


@pytest.fixture(scope="session", autouse=True)
def quiet_refusals() -> Iterator[None]:
    """Ape prints a trace of every transaction that reverts: half of the time, where half of the tests want one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Trace, "show", lambda *_: None)
        yield


@pytest.fixture(scope="session")
def buyer(accounts: Any) -> Any:
    """Owns the model, pays for data."""
    return accounts[0]


@pytest.fixture(scope="session")
def oracle(accounts: Any) -> Any:
    """Signs quotes for the buyer's model."""
    return accounts[1]


@pytest.fixture(scope="session")
def seller(accounts: Any) -> Any:
    """Owns the data."""
    return accounts[2]


@pytest.fixture(scope="session")
def relayer(accounts: Any) -> Any:
    """Sends other people's transactions and gains nothing by it."""
    return accounts[3]


@pytest.fixture(scope="session")
def mallory(accounts: Any) -> Any:
    """Tries what must not work."""
    return accounts[4]


@pytest.fixture(scope="session")
def heir(accounts: Any) -> Any:
    """Follows the oracle in office."""
    return accounts[5]


@pytest.fixture(scope="session")
def settlement(project: Any, relayer: Any) -> Any:
    return relayer.deploy(project.Settlement)


@pytest.fixture
def world(settlement: Any, chain: Any, buyer: Any, oracle: Any, seller: Any, relayer: Any) -> World:
    return World(settlement, chain, buyer, oracle, seller, relayer)


@pytest.fixture(scope="session")
def harness(project: Any, relayer: Any) -> Any:
    return relayer.deploy(project.Harness)


@pytest.fixture
def token(project: Any, world: World) -> Any:
    """An exact-transfer token with ERC-2612 permit, of which buyer and seller have plenty."""
    return world.give(world.relayer.deploy(project.Token))


@pytest.fixture(params=["native", "token"])
def currency(request: pytest.FixtureRequest) -> Currency:
    """The native coin, and an exact-transfer token."""
    if request.param == "native":
        return Currency()
    token = request.getfixturevalue("token")
    return Currency(token.address, token)
