"""What holds for every test: it is marked ``unit`` or ``integration``, and a unit test opens no socket.

Tests that are marked ``slow`` run only where ``-m`` asks for them.

With several workers (``--dist loadgroup``) tests that share costly fixtures stay together: those of one file, and all
of a folder in ``TOGETHER``. The groups that take longest run first, so that the others fill in and the workers end
at one time.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings
from pytest_socket import disable_socket, enable_socket

if TYPE_CHECKING:
    from scripts.localnet import Node
    from scripts.postgres import Server

    from tests.kit.market import Market

KINDS = ("unit", "integration")
TESTS = Path(__file__).parent
TOGETHER = ("integration", "pricing", "bench")
LONGEST = ("integration", "pricing", "bench", "oracle/server/test_daemon.py", "test_docs.py")
"""Groups in the order in which they begin. A worker of pytest-xdist holds two: the first and the third are one's."""

# Nodes and daemons listen here: no proxy leads to them, and requests looks for one before each request.
os.environ["no_proxy"] = ",".join(filter(None, (os.environ.get("no_proxy", os.environ.get("NO_PROXY")), "127.0.0.1")))

# The default suite tells of a change, so that its examples are always the same; others are drawn by make test-random.
settings.register_profile("random", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("repeatable", settings.get_profile("random"), derandomize=True)
settings.load_profile("repeatable")


def group_of(item: pytest.Item) -> str:
    """A folder or a file below ``tests``."""
    path = item.path.relative_to(TESTS)
    return path.parts[0] if path.parts[0] in TOGETHER else path.as_posix()


def rank(item: pytest.Item) -> int:
    """Place of the item's group among those that run first."""
    group = group_of(item)
    return LONGEST.index(group) if group in LONGEST else len(LONGEST)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if "slow" not in config.option.markexpr:
        items[:] = [item for item in items if not item.get_closest_marker("slow")]
    items.sort(key=rank)
    for item in items:
        item.add_marker(pytest.mark.xdist_group(group_of(item)))
        kinds = [kind for kind in KINDS if item.get_closest_marker(kind)]
        if len(kinds) != 1:
            raise pytest.UsageError(f"{item.nodeid}: expected one mark of {KINDS}, got {kinds or 'none'}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Unix sockets stay: an event loop needs a pair of them to wake itself."""
    if item.get_closest_marker("unit"):
        disable_socket(allow_unix_socket=True)
    try:
        return (yield)
    finally:
        enable_socket()


@pytest.fixture(scope="session")
def shared_anvil(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Node]":
    """One chain for all tests of a worker process that leave it as ``node`` finds it."""
    from scripts.localnet import anvil

    with anvil(tmp_path_factory.mktemp("anvil") / "anvil.log") as started:
        yield started


@pytest.fixture
def node(shared_anvil: "Node") -> "Iterator[Node]":
    """A chain as if it were new: what a test does to it is taken back."""
    with shared_anvil.snapshot():
        yield shared_anvil


@pytest.fixture(scope="session")
def postgres() -> "Iterator[Server]":
    """One database server for all tests of a worker process."""
    from scripts.postgres import programs, server

    found = programs()
    if found is None:
        pytest.skip("no PostgreSQL is installed: scripts/setup/postgresql.sh fetches Debian's package into .build")
    with server(found) as started:
        yield started


@pytest.fixture
def ledger(request: pytest.FixtureRequest) -> Iterator[str]:
    """URL of a new ledger: of PostgreSQL where a test is marked for ``BOTH_LEDGERS``; empty for the default."""
    if getattr(request, "param", "sqlite") == "sqlite":
        yield ""
        return
    with request.getfixturevalue("postgres").database() as url:
        yield url


@pytest.fixture
def market(tmp_path: Path, ledger: str) -> "Iterator[Market]":
    """A model, its oracle and its parties, over a chain in memory."""
    # The contract's tests share this file and need no oracle.
    from tests.kit.market import Market

    made = Market(tmp_path, ledger=ledger)
    yield made
    made.journal.close()
