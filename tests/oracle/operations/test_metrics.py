"""What a scraper reads of an oracle, and what the dashboard, the alerts and the operator's page make of it."""

import asyncio
import json
import logging
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from assay.chain.rpc.members import NodeState
from assay.chain.settlement import SettlementClient
from assay.chain.values import EndedLate, Transaction
from assay.errors import ChainError, ContractReverted, TransactionFailed
from assay_oracle.errors import PricingCutShort
from assay_oracle.log import JsonFormatter, about, following
from assay_oracle.operations.metered import MeteredAppraiser, MeteredClient, MeteredSigner, short
from assay_oracle.operations.metrics import REGISTRY
from assay_oracle.operations.state import StateCollector, exposition, sample_chain
from assay_oracle.server.api.app import create_app
from assay_oracle.settings import Settings
from tests.kit.actors import oracle_account
from tests.kit.market import OPERATOR_TOKEN, ORACLE_URL, Market

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[3]
DEPLOY = ROOT / "oracle" / "deploy"
PAGE = (ROOT / "docs" / "operations.md").read_text()


def collector(market: Market) -> StateCollector:
    return StateCollector(
        market.journal,
        free_bytes=lambda: 5,
        succeeded=lambda: {"orders": 7},
        unavailable=lambda: 0,
        now=market.now,
    )


def scraped(market: Market) -> dict[tuple[str, tuple[str, ...]], float]:
    text = exposition(collector(market)).decode()
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def test_offers_are_counted_by_model_and_status_and_the_queue_has_an_age(market: Market) -> None:
    model = short(market.model_id)
    market.offer(b"one\n")
    from tests.kit.bids import bid

    market.upload(bid(market.model_id, b"two\n"))
    market.time += 40
    found = scraped(market)
    assert found["assay_offers", (model, "quoted")] == 1
    assert found["assay_offers", (model, "pricing")] == 1
    assert (found["assay_queue_length", ()], found["assay_queue_oldest_seconds", ()]) == (1, 40)
    assert (found["assay_free_disk_bytes", ()], found["assay_ledger_up", ()]) == (5, 1)
    assert found["assay_loop_success_timestamp_seconds", ("orders",)] == 7


def test_a_ledger_that_does_not_answer_leaves_the_other_metrics(market: Market, monkeypatch: Any) -> None:
    def fail() -> None:
        raise OSError("no answer")

    monkeypatch.setattr(market.journal.offers, "counts", fail)
    found = scraped(market)
    assert found["assay_ledger_up", ()] == 0
    assert found["assay_free_disk_bytes", ()] == 5


def test_the_chain_is_sampled_by_a_loop_and_not_by_a_scraper(market: Market) -> None:
    sample_chain(market.chain, oracle_account.address, market.now)()
    assert value("assay_chain_head_block") == market.chain.block_number()
    assert value("assay_chain_head_timestamp_seconds") == market.chain.block_time()
    assert value("assay_chain_sampled_timestamp_seconds") == market.now()


def test_chain_that_stands_still_fails_the_loop_that_samples_it_and_so_readiness(market: Market) -> None:
    market.time += 1000
    age = market.now() - market.chain.block_time()
    sample_chain(market.chain, None, market.now, still=age)()
    with pytest.raises(ChainError, match=f"expected a block within {age - 1} s, the latest one is {age} s old"):
        sample_chain(market.chain, None, market.now, still=age - 1)()
    assert value("assay_chain_head_timestamp_seconds") == market.chain.block_time(), "the alert compares it, too"


def test_each_node_is_shown(market: Market) -> None:
    nodes = [NodeState("1 http://one", 7, ""), NodeState("2 http://two", 3, "is 4 blocks behind the others")]
    sample_chain(market.chain, None, market.now, nodes=lambda: nodes)()
    assert [value("assay_node_well", node=node.name) for node in nodes] == [1, 0]
    assert [value("assay_node_head_block", node=node.name) for node in nodes] == [7, 3]


def test_pricing_prices_quotes_and_cut_attempts_are_counted(market: Market, monkeypatch: Any) -> None:
    monkeypatch.setattr(Market, "appraiser", lambda market: MeteredAppraiser(plain(market), "0xm"))
    assert market.signer is not None
    market.signer = MeteredSigner(market.signer)  # type: ignore[assignment]
    market.open_oracle()
    names = ("assay_pricing_seconds_count", "assay_price_share_count", "assay_quotes_signed_total")
    before = [value(names[0], model="0xm", step="appraise"), value(names[1], model="0xm"), value(names[2])]
    market.offer(b"one\n")
    after = [value(names[0], model="0xm", step="appraise"), value(names[1], model="0xm"), value(names[2])]
    assert after == [count + 1 for count in before]

    def late() -> None:
        raise PricingCutShort("pricing_timed_out", "too long")

    market.function.before = late
    cut = value("assay_pricing_cut_short_total", reason="pricing_timed_out")
    market.offer(b"two\n")
    assert value("assay_pricing_cut_short_total", reason="pricing_timed_out") > cut


plain = Market.appraiser


@pytest.mark.parametrize(
    ("outcome", "result", "gas"),
    [
        (Transaction(b"", 1, 50), "mined", 50),
        (TransactionFailed("x", gas=30), "failed", 30),
        (ContractReverted("Nothing", {}), "reverted", 0),
    ],
    ids=["mined", "failed", "reverted"],
)
def test_transactions_and_their_gas_are_counted(monkeypatch: Any, outcome: Any, result: str, gas: int) -> None:
    def send(*_: Any, **__: Any) -> Transaction:
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    monkeypatch.setattr(SettlementClient, "_send", send)
    client = MeteredClient.__new__(MeteredClient)
    labels = {"function": "post", "result": result}
    sent, spent = value("assay_transactions_total", **labels), value("assay_gas_spent_total", function="post")
    try:
        client._send("post")
    except (TransactionFailed, ContractReverted):
        assert outcome.__class__ in (TransactionFailed, ContractReverted)
    assert value("assay_transactions_total", **labels) == sent + 1
    assert value("assay_gas_spent_total", function="post") == spent + gas


def test_transactions_that_are_mined_after_their_time_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    late = [EndedLate("0x", False, 30, "BudgetTooSmall", "post"), EndedLate("0x", True, 50, "", "settle")]
    monkeypatch.setattr(SettlementClient, "resend", lambda _: late)
    client = MeteredClient.__new__(MeteredClient)
    client._sender = SimpleNamespace(capped=set())  # type: ignore[assignment]

    def counted() -> list[float]:
        results = [("post", "failed"), ("settle", "mined")]
        sent = [value("assay_transactions_total", function=name, result=result) for name, result in results]
        return sent + [value("assay_gas_spent_total", function=name) for name in ("post", "settle")]

    before = counted()
    assert client.resend() == late
    assert [after - was for after, was in zip(counted(), before, strict=True)] == [1, 1, 30, 50]


# --- over HTTP --------------------------------------------------------------------------------------------------------


def asked(market: Market, path: str, *, ready: bool = True, **options: Any) -> httpx.Response:
    app = create_app(
        market.oracle, market.gate(), dict, exposition=lambda: exposition(collector(market)), ready=lambda: ready
    )

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ORACLE_URL) as client:
            return await client.request(options.pop("method", "GET"), path, **options)

    return asyncio.run(ask())


def test_metrics_are_the_operators(market: Market) -> None:
    assert asked(market, "/metrics").status_code == 401
    answer = asked(market, "/metrics", headers={"Authorization": f"Bearer {OPERATOR_TOKEN}"})
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    assert "assay_offers" in answer.text


def test_requests_are_counted_by_the_templates_of_routes(market: Market) -> None:
    """What a stranger writes into a path, a method or a header makes no series."""
    labels = {"route": "/v1/offers/{offer_id}", "method": "GET", "status": "401"}
    before = value("assay_http_request_seconds_count", **labels)
    for digit in "abc":
        asked(market, "/v1/offers/0x" + 64 * digit)
        asked(market, f"/made/up/{digit}", method=f"X{digit.upper()}")
    assert value("assay_http_request_seconds_count", **labels) == before + 3
    unmatched = {"route": "unmatched", "method": "other", "status": "404"}
    assert value("assay_http_request_seconds_count", **unmatched) >= 3


def test_liveness_and_readiness_are_apart(market: Market) -> None:
    assert asked(market, "/v1/live", ready=False).status_code == 200
    answer = asked(market, "/v1/ready", ready=False)
    assert (answer.status_code, answer.json()["code"]) == (503, "not_healthy")
    assert asked(market, "/v1/ready").json() == {"ready": True}


def test_a_request_has_an_id_of_its_own_or_of_the_proxy(market: Market) -> None:
    first, second = (asked(market, "/v1/live").headers["x-request-id"] for _ in range(2))
    assert first != second
    assert asked(market, "/v1/live", headers={"X-Request-Id": "proxy-7"}).headers["x-request-id"] == "proxy-7"
    forged = asked(market, "/v1/live", headers={"X-Request-Id": 'a"} {"level": "error'})
    assert re.fullmatch(r"[0-9a-f]{16}", forged.headers["x-request-id"])


# --- logs -------------------------------------------------------------------------------------------------------------


def test_an_offer_is_followed_from_upload_to_payment(market: Market, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    lines: list[dict[str, Any]] = []

    class Lines(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(json.loads(JsonFormatter().format(record)))

    handler = Lines()
    logging.getLogger().addHandler(handler)
    try:
        _, state, _ = market.sell(b"one\n")
    finally:
        logging.getLogger().removeHandler(handler)
    name = f"0x{state.offer_id[:4].hex()}…"
    said = [line["message"] for line in lines if line.get("offer") == name]
    assert {"offer priced", "quote accepted", "order on chain"} <= set(said)


def test_lines_of_any_code_name_what_they_are_about() -> None:
    def line(**extra: Any) -> dict[str, Any]:
        record = logging.makeLogRecord({"name": "x", "levelname": "INFO", "msg": "m", **about(**extra)})
        found: dict[str, Any] = json.loads(JsonFormatter().format(record))
        return found

    with following(offer=b"\x01" * 32):
        with following(request="r1"):
            assert (line()["offer"], line()["request"]) == ("0x01010101…", "r1")
        assert "request" not in line()
        assert line(offer=b"\x02" * 32)["offer"] == "0x02020202…"
    assert "offer" not in line()


# --- what is deployed -------------------------------------------------------------------------------------------------


def known() -> set[str]:
    """Names of all series that a scraper can meet."""
    source = "".join(path.read_text() for path in (ROOT / "oracle/assay_oracle/operations").glob("*.py"))
    names = set(re.findall(r'"(assay_[a-z_]+)"', source))
    counters = {f"{name}_total" for name in names}
    parts = {f"{name}_{part}" for name in names for part in ("bucket", "count", "sum")}
    return names | counters | parts


def used(expression: str) -> set[str]:
    return set(re.findall(r"\bassay_[a-z_]+", expression))


def alerts() -> list[dict[str, Any]]:
    groups = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yaml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def test_the_dashboard_shows_metrics_that_exist() -> None:
    board = json.loads((DEPLOY / "grafana" / "oracle.json").read_text())
    expressions = [target["expr"] for panel in board["panels"] for target in panel.get("targets", ())]
    assert len(expressions) >= 20
    shown = set().union(*map(used, expressions))
    assert shown <= known(), shown - known()
    for name in ("offers", "quotes_signed", "queue", "gas", "balance", "disk", "loop", "http", "transactions"):
        assert any(name in metric for metric in shown), name


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: rule["alert"])
def test_every_alert_has_its_section_and_reads_metrics_that_exist(rule: dict[str, Any]) -> None:
    assert used(rule["expr"]) - known() == set()
    section = re.search(rf"^### {rule['alert']}\n(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert section, f"docs/operations.md has no section {rule['alert']}"
    for part in ("Means:", "Look at:", "Do:"):
        assert f"**{part}**" in section[1], part
    assert rule["annotations"]["runbook"].endswith(f"operations.md#{rule['alert'].lower()}")
    assert rule["labels"]["severity"] in ("page", "ticket")


def settings_named(text: str) -> set[str]:
    return {name.lower() for name in re.findall(r"\bASSAY_ORACLE_([A-Z_]+)\b", text)}


@pytest.mark.parametrize("name", ["compose.yaml", "Dockerfile", "assay-oracle.service", "config/oracle.toml"])
def test_every_setting_that_is_deployed_exists(name: str) -> None:
    named = settings_named((DEPLOY / name).read_text()) - {"config"}
    assert named <= set(Settings.model_fields), named - set(Settings.model_fields)


def test_the_deployed_configuration_is_valid() -> None:
    settings = Settings.read(DEPLOY / "config" / "oracle.toml")
    assert settings.operator_token_file is not None


def test_the_files_that_compose_names_exist_and_the_oracle_waits_for_its_database() -> None:
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    oracle = services["oracle"]
    assert oracle["depends_on"]["postgres"]["condition"] == "service_healthy"
    assert (DEPLOY / oracle["build"]["context"] / oracle["build"]["dockerfile"]).resolve().is_file()
    for service in services.values():
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            assert not source.startswith(".") or (DEPLOY / source).exists(), source
        assert "latest" not in service.get("image", "x:1")


def test_the_container_has_no_root_and_a_health_check_that_asks_for_liveness() -> None:
    text = (DEPLOY / "Dockerfile").read_text()
    assert len(re.findall(r"^FROM ", text, re.MULTILINE)) >= 2
    assert re.search(r"^USER (?!root|0\b)\S+", text, re.MULTILINE)
    assert "/v1/live" in text.split("HEALTHCHECK")[1]
    for source in re.findall(r"^COPY (?!--from)([^\n]+) \S+$", text, re.MULTILINE):
        for path in source.split():
            assert (ROOT / path).exists(), path
