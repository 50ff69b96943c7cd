"""The OpenAPI document: it names all that a call can answer, and nothing that is made up from it breaks a call."""

from collections.abc import Mapping
from typing import Any

import pytest
import schemathesis
from scripts.fuzz.http_cases import Case, try_all

from assay_oracle.server.api.app import create_app
from tests.kit.actors import buyer_account, seller_account
from tests.kit.bids import bid
from tests.kit.market import OPERATOR_TOKEN, Market

pytestmark = pytest.mark.unit

EACH = 6
"""Cases for one call; ``make fuzz-api`` tries many more, of a daemon."""


@pytest.fixture
def document(market: Market) -> dict[str, Any]:
    found: dict[str, Any] = create_app(market.oracle, market.gate(), dict).openapi()
    return found


def operations(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [(f"{method} {path}", found) for path, calls in document["paths"].items() for method, found in calls.items()]


def test_every_call_has_an_example_of_every_answer_and_of_its_body(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        assert operation["description"], name
        for status, answer in operation["responses"].items():
            for kind, content in answer["content"].items():
                if kind != "application/octet-stream":
                    assert "example" in content or content["examples"], (name, status)
                    assert (kind == "application/problem+json") == (int(status) >= 400), (name, status)
        for kind, content in operation.get("requestBody", {}).get("content", {}).items():
            assert kind == "application/octet-stream" or "example" in content, name


def test_every_call_of_a_party_names_its_token_and_what_it_is_without(document: dict[str, Any]) -> None:
    schemes = {name: operation.get("security") for name, operation in operations(document)}
    of_parties = [name for name in schemes if any(part in name for part in ("/offers", "/orders", "/blind"))]
    for name, security in schemes.items():
        operator = name.endswith(("/health", "/operator/offers", "/metrics"))
        expected = [{"operator": []}] if operator else [{"session": []}] if name in of_parties else None
        assert security == expected, name
    for name, operation in operations(document):
        assert ("401" in operation["responses"]) == (schemes[name] is not None), name
        assert {"429", "500", "503"} <= set(operation["responses"]), name


def test_nothing_that_is_made_up_from_the_document_breaks_a_call(market: Market) -> None:
    _, _, order = market.sell(b"one\ntwo\n")
    offered = market.offers.open_offer(bid(market.model_id, b"three\n").request).offer_id
    app = create_app(market.oracle, market.gate(), dict)
    schema = schemathesis.openapi.from_asgi("/openapi.json", app)

    def ask(case: Case, headers: Mapping[str, str]) -> Any:
        return case.call(headers=dict(headers))

    parties = {name: market.gate().sessions.begin(account.address).token for name, account in PARTIES.items()}
    answered = try_all(
        schema,
        each=EACH,
        known={
            "seller": seller_account.address,
            "offer_id": f"0x{offered.hex()}",
            "order_id": f"0x{order.order_id().hex()}",
            "model_id": f"0x{market.model_id.hex()}",
        },
        tokens=parties | {"operator": OPERATOR_TOKEN},
        ask=ask,
    )
    assert sum(answered.values()) >= EACH * len(operations(app.openapi())) / 2
    assert not [name for name, status in answered if status >= 500]


PARTIES = {"seller": seller_account, "buyer": buyer_account}
