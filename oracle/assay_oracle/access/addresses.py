"""The address that a request comes from, behind proxies that are known."""

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Network = IPv4Network | IPv6Network
_IPV6_PREFIX = 64
"""Bits that a provider assigns to one site (RFC 6177): whoever has one address has all with these bits."""


def sender(peer: str | None, forwarded: Iterable[str], proxies: Sequence[Network]) -> str:
    """Whom the requests of a connection are counted against: an IPv4 address, or the first 64 bits of an IPv6 one.

    Args:
        peer: Address at the other end of the connection; None for one that has no address.
        forwarded: Values of ``X-Forwarded-For`` in the order of the header's lines; each proxy appends whom it serves.
        proxies: Networks of proxies that are trusted to name whom they serve. What anyone else names is not read.
    """
    named = [part.strip() for line in forwarded for part in line.split(",")]
    address = _parsed(peer or "")
    while address is not None and named and any(address in proxy for proxy in proxies):
        before = _parsed(named.pop())
        if before is None:
            break
        address = before
    if address is None:
        return ""
    if isinstance(address, IPv6Address):
        return str(IPv6Network((address, _IPV6_PREFIX), strict=False))
    return str(address)


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    """An address without its port or zone; None if ``text`` is none."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found
