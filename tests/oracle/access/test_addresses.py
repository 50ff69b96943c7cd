"""The address of a sender: of the connection, or of what a known proxy says."""

from ipaddress import ip_network

import pytest

from assay_oracle.access.addresses import sender

pytestmark = pytest.mark.unit

PROXIES = [ip_network("10.0.0.0/8"), ip_network("fd00::/8")]


@pytest.mark.parametrize(
    ("peer", "forwarded", "found"),
    [
        ("203.0.113.7", [], "203.0.113.7"),
        ("203.0.113.7", ["198.51.100.1"], "203.0.113.7"),
        ("127.0.0.1", ["198.51.100.1"], "127.0.0.1"),
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["192.0.2.66, 198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["192.0.2.66", "198.51.100.1, 10.0.0.2"], "198.51.100.1"),
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1, unknown"], "10.0.0.1"),
        ("10.0.0.1", [""], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1:4711"], "198.51.100.1"),
        ("10.0.0.1", ["[2001:db8:1:2:3::4]:4711"], "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", [], "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", [], "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.7", [], "203.0.113.7"),
        ("fe80::1%eth0", [], "fe80::/64"),
        ("fd00::1", ["203.0.113.7"], "203.0.113.7"),
        (None, ["203.0.113.7"], ""),
        ("a socket's path", ["203.0.113.7"], ""),
    ],
)
def test_sender_is_who_connects_or_whom_a_proxy_serves(peer: str | None, forwarded: list[str], found: str) -> None:
    assert sender(peer, forwarded, PROXIES) == found


def test_without_proxies_nobody_is_believed() -> None:
    assert sender("127.0.0.1", ["203.0.113.7"], []) == "127.0.0.1"
