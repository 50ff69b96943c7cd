"""What holds for every test: it is marked ``unit`` or ``integration``, and a unit test opens no socket."""

from collections.abc import Iterator

import pytest
from pytest_socket import disable_socket, enable_socket

KINDS = ("unit", "integration")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
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
