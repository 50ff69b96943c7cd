"""Deliveries over HTTP, whole and in ranges."""

import httpx
import pytest

from tests.kit.actors import buyer_account
from tests.kit.market import ORACLE_URL, Market

pytestmark = pytest.mark.unit


@pytest.fixture
def delivered(market: Market) -> tuple[str, bytes, Market]:
    _, _, order = market.sell(b"one\ntwo\n")
    with market.delivery.sealed(order.order_id()).open() as file:
        return f"{ORACLE_URL}/v1/orders/0x{order.order_id().hex()}/sealed", file.read(), market


def get(delivered: tuple[str, bytes, Market], **headers: str) -> httpx.Response:
    url, _, market = delivered
    with httpx.Client(transport=market.transport) as http:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return http.get(url, headers=named | market.bearer(buyer_account))


def test_whole_delivery(delivered: tuple[str, bytes, Market]) -> None:
    answer, content = get(delivered), delivered[1]
    assert (answer.status_code, answer.content) == (200, content)
    assert answer.headers["Content-Length"] == str(len(content))
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert "Content-Range" not in answer.headers


@pytest.mark.parametrize(
    ("span", "first", "last"),
    [("bytes=0-", 0, -1), ("bytes=100-", 100, -1), ("bytes=100-100", 100, 100), ("bytes=7-999999", 7, -1)],
)
def test_range_of_a_delivery(delivered: tuple[str, bytes, Market], span: str, first: int, last: int) -> None:
    answer, content = get(delivered, Range=span), delivered[1]
    last %= len(content)
    assert (answer.status_code, answer.content) == (206, content[first : last + 1])
    assert answer.headers["Content-Range"] == f"bytes {first}-{last}/{len(content)}"
    assert answer.headers["Content-Length"] == str(last + 1 - first)


@pytest.mark.parametrize(
    "span", ["bytes=999999-", "bytes=5-2", "bytes=0-1,3-4", "lines=1-2", "bytes=-5", "", "bytes=x-"]
)
def test_range_that_there_is_not(delivered: tuple[str, bytes, Market], span: str) -> None:
    answer = get(delivered, Range=span)
    assert (answer.status_code, answer.json()["code"]) == (416, "range_invalid")


def test_range_of_another_file_is_answered_with_the_whole(delivered: tuple[str, bytes, Market]) -> None:
    tag = get(delivered).headers["ETag"]
    assert get(delivered, Range="bytes=100-", If_Range=tag).status_code == 206
    answer = get(delivered, Range="bytes=100-", If_Range='"another"')
    assert (answer.status_code, answer.content) == (200, delivered[1])
