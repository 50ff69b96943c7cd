"""Actors of the contract's specification, each with one part to play. Every test begins with the same fresh world."""

from collections.abc import Iterator
from typing import Any

import ape_ethereum.provider
import pytest
import urllib3
from ape.api import ReceiptAPI
from ape.contracts.base import ContractMethodHandler
from ape_ethereum.ecosystem import Ethereum
from ape_ethereum.trace import Trace
from ape_ethereum.transactions import TransactionType
from ape_foundry import FoundryProvider
from web3._utils.http_session_manager import HTTPSessionManager

from tests.contracts.world import Currency, World

GAS_LIMIT = 30_000_000
"""Of a block of Anvil's, and so of a transaction."""
GWEI = 10**9


def pytest_addoption(parser: pytest.Parser) -> None:
    """How long the state machine plays."""
    parser.addoption("--state-machine-examples", type=int, default=5, help="games of 15 moves for each currency")


@pytest.fixture(scope="session", autouse=True)
def quiet_refusals() -> Iterator[None]:
    """Ape prints a trace of every transaction that reverts: half of the time, where half of the tests want one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Trace, "show", lambda *_: None)
        yield


@pytest.fixture(scope="session", autouse=True)
def few_requests() -> Iterator[None]:
    """Ape asks Anvil and its own settings for nothing that is known: 10 of 15 requests a transaction.

    Anvil mines a transaction at once, the receiver is a contract, all transactions have one type, one limit of gas and
    fees above Anvil's, no contract logs to a console, and no proxy leads to the loopback.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FoundryProvider, "auto_mine", True)
        patch.setattr(FoundryProvider, "max_gas", GAS_LIMIT)
        patch.setattr(FoundryProvider, "base_fee", 2 * GWEI)
        patch.setattr(FoundryProvider, "priority_fee", GWEI)
        patch.setattr(Ethereum, "default_transaction_type", TransactionType.DYNAMIC)
        patch.setattr(ContractMethodHandler, "_validate_is_contract", lambda *_: None)
        patch.setattr(ReceiptAPI, "_await_sender_nonce_increment", lambda *_: None)
        patch.setattr(ape_ethereum.provider, "_post_send_transaction", lambda *_: None)
        patch.setenv("no_proxy", "127.0.0.1,localhost")
        yield


@pytest.fixture(scope="session", autouse=True)
def light_requests() -> Iterator[None]:
    """Sends web3's requests by urllib3 itself: requests prepares each anew, from settings that are the same for all."""
    pool = urllib3.PoolManager()

    def post(_: HTTPSessionManager, uri: str, data: bytes, *, timeout: float | None = None, **__: Any) -> bytes:
        headers = {"Content-Type": "application/json"}
        try:
            return pool.request("POST", uri, body=data, headers=headers, timeout=timeout, retries=False).data
        except urllib3.exceptions.HTTPError as error:
            raise ConnectionError(str(error)) from error

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(HTTPSessionManager, "make_post_request", post)
        yield
    pool.clear()


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
