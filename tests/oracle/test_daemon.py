"""The daemon as its own process, over HTTP, with the client's own use cases, a real chain and a real price."""

import hashlib
import io
import json
import os
import subprocess
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from eth_account import Account

from assay import envelope
from assay.chain.interface import Deployment
from assay.chain.settlement import SettlementClient
from assay.errors import OfferRefused, OracleRefused
from assay.oracle_api import OracleClient
from assay.protocol.messages import AcceptanceRequest, OfferStatus, Problem
from assay.protocol.statements import digest
from assay.protocol.structs import ModelTerms, Status, key_hash
from assay.sale.buyer import Buyer
from assay.sale.offers import OfferStore
from assay.sale.seller import Seller
from assay_oracle.keys import vault
from tests.kit.bids import Bid, bid
from tests.kit.data import blobs, csv
from tests.kit.network import BIN, PASSWORD, Daemon, Node, eventually, running_node

pytestmark = pytest.mark.integration

MNEMONIC = "test test test test test test test test test test test junk"
ETHER = 10**18
HOUR = 3600

Account.enable_unaudited_hdwallet_features()
# Sellers beyond the first have nothing else on offer that theirs would be priced beside.
deployer, buyer_account, oracle_account, seller_account, rival_account, patient_account = (
    Account.from_mnemonic(MNEMONIC, account_path=f"m/44'/60'/0'/0/{index}") for index in range(6)
)


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A price function whose owner lacks class 2."""
    from sklearn.linear_model import LogisticRegression

    from assay_pricing.fitting import fit
    from assay_pricing.price import PricingRule
    from assay_pricing.records.tables import infer_schema, parse_table, to_records

    tables = [parse_table(io.BytesIO(csv(1, 150, (0, 1)))), parse_table(io.BytesIO(csv(2, 300)))]
    schema = infer_schema(tables, "y", classes=("0", "1", "2"))
    owner, validation = (to_records(table, schema) for table in tables)
    model = LogisticRegression().fit(*blobs(1, 150, (0, 1)))
    folder = tmp_path_factory.mktemp("artifact") / "price"
    rule = PricingRule(rate=ETHER // 10, cap=ETHER)
    fit(model, owner, validation=validation, rule=rule).save(folder)
    return folder


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    with running_node() as running:
        yield running


class LiveMarket:
    """A model on chain, its oracle, and whoever trades."""

    def __init__(self, folder: Path, node: Node, artifact: Path, **environment: str) -> None:
        from assay_pricing.function import PriceFunction

        self.folder = folder
        self.node = node
        self.record = folder / "31337.json"
        node.deploy(self.record)
        self.buyer_identity = envelope.new_identity()
        buyer_chain = self.chain(buyer_account)
        self.terms = ModelTerms(
            owner=buyer_account.address,
            function_hash=PriceFunction.load(artifact).hash,
            delivery_key=envelope.delivery_key_of(envelope.public_of(self.buyer_identity)),
            max_price=ETHER,
            reveal_window=HOUR,
            dispute_window=HOUR,
        )
        buyer_chain.register_model(self.terms, oracle_account.address)
        buyer_chain.fund(self.terms, 10 * ETHER)
        self.model_id = buyer_chain.model_id(self.terms)
        vault.create(folder / "oracle", PASSWORD, private_key=bytes(oracle_account.key))
        self.config = folder / "oracle.toml"
        self.config.write_text(
            f'data_dir = "oracle"\nnode = "{node.url}"\ndeployment = "31337.json"\n'
            f'[[models]]\nid = "0x{self.model_id.hex()}"\nartifact = "{artifact}"\n'
        )
        self.daemon = Daemon(self.config, **environment)
        self.daemon.start()
        self.http = OracleClient(self.daemon.url)

    def close(self) -> None:
        self.http.close()
        self.daemon.stop()

    def chain(self, account: Any) -> SettlementClient:
        return SettlementClient.of(self.node.url, Deployment.read(self.record), account=account)

    def seller(self, account: Any = seller_account) -> Seller:
        store = OfferStore(self.folder / account.address)
        return Seller(self.chain(account), self.http, store, account, poll=0.1)

    def buyer(self) -> Buyer:
        return Buyer(self.chain(buyer_account), self.http, buyer_account, self.buyer_identity, self.folder / "bought")

    def data(self, name: str, content: bytes) -> Path:
        path = self.folder / name
        path.write_bytes(content)
        return path

    def bid(self, content: bytes, account: Any = seller_account) -> Bid:
        info = self.http.info()
        domain = self.chain(None).domain
        return bid(self.model_id, content, account=account, recipient=info.recipient, domain=domain)

    def problem(self, method: str, path: str, **options: Any) -> tuple[int, Problem]:
        answer = requests.request(method, f"{self.daemon.url}/v1{path}", timeout=30, **options)
        return answer.status_code, Problem.model_validate_json(answer.content)

    def oracle_transactions(self) -> int:
        return int(self.node.rpc("eth_getTransactionCount", oracle_account.address, "latest"), 16)

    def wait(self, offer_id: bytes, *until: OfferStatus) -> Any:
        return eventually(lambda: (state := self.http.offer(offer_id)).status in until and state)


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory, node: Node, artifact: Path) -> Iterator[LiveMarket]:
    made = LiveMarket(tmp_path_factory.mktemp("market"), node, artifact)
    yield made
    made.close()


def test_first_sale_over_http_closes_without_the_key_on_chain(market: LiveMarket) -> None:
    seller, path = market.seller(), market.data("useful.csv", csv(10, 60, (2,)))
    record, state = seller.offer(seller.prepare(path, market.model_id))
    assert state.status is OfferStatus.QUOTED
    assert state.quote is not None
    assert 0 < state.quote.price <= ETHER
    record = seller.accept(record)
    order_id = state.quote.order_id()
    purchase = eventually(lambda: (p := market.buyer().look(market.model_id)[-1]).file and p)
    assert purchase.file.read_bytes() == path.read_bytes()
    eventually(lambda: market.chain(None).order_state(order_id).status is Status.PAID)
    assert market.chain(None).revealed_key(order_id) is None
    assert seller.release(record) is Status.PAID


def test_same_records_in_another_format_are_refused_over_http(market: LiveMarket) -> None:
    content = csv(11, 40, (2,))
    seller = market.seller()
    seller.offer(seller.prepare(market.data("first.csv", content), market.model_id))
    x, y = blobs(11, 40, (2,))
    file = io.BytesIO()
    np.savez(file, x=x[::-1].astype(np.float64), y=y[::-1])
    rival = market.seller(rival_account)
    with pytest.raises(OfferRefused) as refusal:
        rival.offer(rival.prepare(market.data("second.npz", file.getvalue()), market.model_id))
    assert refusal.value.reason_code == "already_evaluated"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"x0,x1,y\n1,nan,0\n", "nan"),
        (b"x0,y\n1,0\n", "x1"),
        (b"x0,x1,y\n1,2,9\n", "9"),
        (b"\x00\x01\x02 no table", "expected a label column"),
    ],
    ids=["not_finite", "narrow", "unknown_label", "foreign"],
)
def test_malformed_data_is_refused_with_the_reason(market: LiveMarket, content: bytes, said: str) -> None:
    made = market.bid(content)
    offer_id = market.http.open_offer(made.request).offer_id
    market.http.upload(offer_id, io.BytesIO(made.upload))
    state = market.wait(offer_id, OfferStatus.REFUSED)
    assert state.code == "data_error"
    assert said.lower() in state.reason.lower()


def test_file_that_expands_beyond_memory_is_refused(market: LiveMarket) -> None:
    file = io.BytesIO()
    with (
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("x.npy", "w", force_zip64=True) as x,
    ):
        header = np.lib.format.magic(1, 0)
        x.write(header)
        for _ in range(3 * 2**10):
            x.write(bytes(2**20))
    made = market.bid(file.getvalue())
    offer_id = market.http.open_offer(made.request).offer_id
    market.http.upload(offer_id, io.BytesIO(made.upload))
    state = market.wait(offer_id, OfferStatus.REFUSED)
    assert state.code == "data_error"
    assert "expanded" in state.reason


def test_every_error_is_a_problem(market: LiveMarket) -> None:
    unknown = "0x" + 64 * "a"
    assert market.problem("GET", "/nothing")[1].code == "not_found"
    assert market.problem("POST", "/info")[1].code == "method_not_allowed"
    assert market.problem("GET", f"/offers/{unknown}")[1].code == "offer_unknown"
    assert market.problem("GET", "/offers/0x12")[1].code == "request_invalid"
    assert market.problem("GET", f"/models/{unknown}")[1].code == "model_unknown"
    assert market.problem("GET", f"/orders/{unknown}")[1].code == "order_unknown"
    assert market.problem("POST", "/offers", data=b"{")[1].code == "request_invalid"
    assert market.problem("PATCH", f"/offers/{unknown}/upload", data=b"x")[1].code == "request_invalid"
    status, problem = market.problem("POST", "/offers", data=b"x" * 70_000)
    assert (status, problem.code) == (413, "request_too_large")


def test_upload_offsets_over_http(market: LiveMarket) -> None:
    made = market.bid(csv(12, 5))
    offer_id = market.http.open_offer(made.request).offer_id
    path = f"/offers/0x{offer_id.hex()}/upload"
    status, problem = market.problem("PATCH", path, data=made.upload, headers={"Upload-Offset": "7"})
    assert (status, problem.code) == (409, "upload_offset_mismatch")
    status, problem = market.problem("PATCH", path, data=made.upload + b"x", headers={"Upload-Offset": "0"})
    assert (status, problem.code) == (413, "upload_too_large")
    assert market.problem("PATCH", path, data=b"x", headers={"Upload-Offset": "-1"})[0] == 422


def test_delivery_answers_ranges(market: LiveMarket) -> None:
    sale = market.chain(None).posted(model_id=market.model_id)[0]
    url = f"/orders/0x{sale.order.order_id().hex()}/sealed"
    whole = requests.get(f"{market.daemon.url}/v1{url}", timeout=10)
    part = requests.get(f"{market.daemon.url}/v1{url}", headers={"Range": "bytes=100-"}, timeout=10)
    assert (whole.status_code, part.status_code) == (200, 206)
    assert part.content == whole.content[100:]
    for span in (f"bytes={len(whole.content)}-", "bytes=5-2", "bytes=0-1,3-4", "lines=1-2"):
        status, problem = market.problem("GET", url, headers={"Range": span})
        assert (status, problem.code) == (416, "range_invalid")


def test_health_tells_what_works(market: LiveMarket) -> None:
    works = requests.get(f"{market.daemon.url}/v1/health", timeout=10).json()
    assert works == {"pricing": True, "orders": True, "signing": True, "chain": True}


def test_second_daemon_on_one_journal_is_refused(market: LiveMarket) -> None:
    done = subprocess.run(
        [BIN / "assay-oracle", "serve", "--config", market.config, "--port", "0"],
        env={**os.environ, **market.daemon.environment},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert "another process" in done.stderr
    assert "Traceback" not in done.stderr


def test_check_finds_everything_in_order(market: LiveMarket) -> None:
    done = subprocess.run(
        [BIN / "assay-oracle", "check", "--config", market.config, "--json"],
        env={**os.environ, **market.daemon.environment},
        capture_output=True,
        text=True,
        timeout=60,
    )
    report = json.loads(done.stdout)
    assert done.returncode == 0, report
    assert all(finding["ok"] for finding in report["findings"])
    assert PASSWORD not in done.stdout + done.stderr


def test_check_fails_with_the_remedy(market: LiveMarket, tmp_path: Path, artifact: Path) -> None:
    altered = tmp_path / "altered"
    altered.mkdir()
    for file in artifact.iterdir():
        content = bytearray(file.read_bytes())
        if file.suffix == ".safetensors":
            content[-1] ^= 1
        (altered / file.name).write_bytes(content)
    config = market.folder / "altered.toml"
    config.write_text(market.config.read_text().replace(str(artifact), str(altered)))
    done = subprocess.run(
        [BIN / "assay-oracle", "check", "--config", config],
        env={**os.environ, **market.daemon.environment},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert "FAIL" in done.stdout
    assert "altered" in done.stdout
    assert "hint:" in done.stdout


def test_daemon_killed_at_every_step_goes_on(market: LiveMarket) -> None:
    """Killed while uploading, while pricing, after acceptance: the sale goes through, priced and posted once."""
    made = market.bid(csv(20, 50, (2,)), patient_account)
    before = market.oracle_transactions()
    half = len(made.upload) // 2
    offer_id = market.http.open_offer(made.request).offer_id
    path = f"{market.daemon.url}/v1/offers/0x{offer_id.hex()}/upload"
    requests.patch(path, data=made.upload[:half], headers={"Upload-Offset": "0"}, timeout=10)
    market.daemon.kill()
    market.daemon.start()
    assert market.http.offer(offer_id).received_bytes == half
    market.http.upload(offer_id, io.BytesIO(made.upload))
    market.daemon.kill()
    market.daemon.start()
    quoted = market.wait(offer_id, OfferStatus.QUOTED)
    market.daemon.kill()
    market.daemon.start()
    again = market.http.offer(offer_id)
    assert (again.quote, again.oracle_signature) == (quoted.quote, quoted.oracle_signature)

    domain = market.chain(None).domain
    locked = key_hash(quoted.quote.order_id(), made.key)
    message = domain.acceptance(digest(domain.quote(quoted.quote)), locked)
    signature = bytes(patient_account.sign_message(message).signature)
    market.http.accept(offer_id, AcceptanceRequest(key_hash=locked, signature=signature))
    market.daemon.kill()
    market.daemon.start()
    posted = market.wait(offer_id, OfferStatus.POSTED)
    assert len(market.chain(None).posted(order_id=posted.order_id)) == 1
    assert market.oracle_transactions() == before + 1


def test_log_tells_no_secret(market: LiveMarket) -> None:
    text = market.daemon.log.read_text()
    assert PASSWORD not in text
    assert oracle_account.key.hex() not in text
    assert "AGE-SECRET-KEY" not in text
    for line in text.splitlines():
        json.loads(line)


def test_http_answers_while_uploads_run(market: LiveMarket) -> None:
    """Two sellers at once; the daemon answers others meanwhile."""
    bids = [market.bid(csv(30 + number, 400)) for number in range(2)]
    ids = [market.http.open_offer(made.request).offer_id for made in bids]
    threads = [
        threading.Thread(target=market.http.upload, args=(offer_id, io.BytesIO(made.upload)))
        for offer_id, made in zip(ids, bids, strict=True)
    ]
    for thread in threads:
        thread.start()
    started = time.monotonic()
    market.http.info()
    assert time.monotonic() - started < 5
    for thread in threads:
        thread.join()
    for offer_id in ids:
        market.wait(offer_id, OfferStatus.QUOTED, OfferStatus.DECLINED)


def test_acceptance_of_another_key_is_refused_over_http(market: LiveMarket) -> None:
    made = market.bid(csv(40, 30, (2,)), rival_account)
    offer_id = market.http.open_offer(made.request).offer_id
    market.http.upload(offer_id, io.BytesIO(made.upload))
    market.wait(offer_id, OfferStatus.QUOTED)
    with pytest.raises(OracleRefused) as refusal:
        market.http.accept(offer_id, AcceptanceRequest(key_hash=hashlib.sha256(b"?").digest(), signature=bytes(65)))
    assert (refusal.value.problem, refusal.value.status) == ("key_mismatch", 422)


def test_sigterm_ends_the_daemon_in_order(market: LiveMarket) -> None:
    assert market.daemon.stop() == 0
    market.daemon.start()
