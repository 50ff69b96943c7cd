"""The daemon as its own process, over HTTP, with the client's own use cases, a real chain and a real price."""

import base64
import hashlib
import io
import json
import os
import subprocess
import threading
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from eth_account import Account
from scripts.localnet import BIN, CEILING, ETHER, anvil, eventually

from assay.chain.queries import registered_terms
from assay.errors import OracleRefused
from assay.protocol.messages import AcceptanceRequest, OfferStatus
from assay.protocol.statements import digest, signer_of
from assay.protocol.structs import Status, key_hash
from assay_oracle.keys import vault
from tests.kit.actors import PASSWORD, buyer_account, oracle_account, patient_account, rival_account, seller_account
from tests.kit.artifacts import class_two_wanted
from tests.kit.bids import Bid
from tests.kit.data import blobs, csv
from tests.kit.light_keys import write_keystore
from tests.kit.live_market import OPERATOR_TOKEN, LiveMarket
from tests.kit.node_proxy import NodeProxy, dead, honest, lies
from tests.kit.web3signer import Web3Signer

pytestmark = pytest.mark.integration

AT_THE_START = {"Upload-Offset": "0"}


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return class_two_wanted(tmp_path_factory.mktemp("artifact") / "price")


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory, artifact: Path) -> Iterator[LiveMarket]:
    folder = tmp_path_factory.mktemp("market")
    with anvil(folder / "anvil.log") as node, LiveMarket(folder, node, artifact) as made:
        yield made


def test_first_sale_over_http_closes_without_the_key_on_chain(market: LiveMarket) -> None:
    seller, path = market.seller(), market.data("useful.csv", csv(10, 60, (2,)))
    record, state = seller.offer(seller.prepare(path, market.model_id))
    assert state.status is OfferStatus.QUOTED
    assert state.quote is not None
    assert 0 < state.quote.price <= ETHER
    record = seller.accept(record)
    order_id = state.quote.order_id()
    purchase = eventually(lambda: (p := market.buyer().poll(market.model_id)[-1]).file and p)
    assert purchase.file.read_bytes() == path.read_bytes()
    eventually(lambda: market.chain(None).order_state(order_id).status is Status.PAID)
    assert market.chain(None).revealed_key(order_id) is None
    assert seller.release(record) is Status.PAID


def test_key_of_a_rotation_signs_for_the_model_that_names_it_without_a_restart(market: LiveMarket) -> None:
    coming, model_id = Account.from_key(b"\x31" * 32), market.add_model()
    write_keystore(vault.next_keystore(market.folder / "oracle"), bytes(coming.key), PASSWORD)
    eventually(lambda: market.http.info().further_signatures and model_id in market.http.info().models)
    seller = market.seller()
    _, state = seller.offer(seller.prepare(market.data("rotated.csv", csv(19, 60, (2,))), model_id))
    domain, owner = market.chain(None).domain, market.chain(buyer_account)
    assert state.quote is not None
    assert signer_of(domain.quote(state.quote), state.oracle_signature or b"") == oracle_account.address
    owner.set_oracle(registered_terms(owner, model_id), coming.address)

    def newest() -> Any:
        found = market.by().offer(state.offer_id)
        return signer_of(domain.quote(found.quote), found.oracle_signature or b"") == coming.address and found

    assert eventually(newest).quote.price == state.quote.price
    assert market.daemon.process.poll() is None


def test_same_records_of_another_seller_in_another_format_have_no_value_over_http(market: LiveMarket) -> None:
    content = csv(11, 40, (2,))
    seller = market.seller()
    seller.offer(seller.prepare(market.data("first.csv", content), market.model_id))
    x, y = blobs(11, 40, (2,))
    file = io.BytesIO()
    np.savez(file, x=x[::-1].astype(np.float64), y=y[::-1])
    rival = market.seller(rival_account)
    record, state = rival.offer(rival.prepare(market.data("second.npz", file.getvalue()), market.model_id))
    assert (record.quote, state.status, state.code) == (None, OfferStatus.DECLINED, "no_value")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"x0,x1,y\n1,nan,0\n", "got none in column 'x1', row 0"),
        (b"x0,y\n1,0\n", "x1"),
        (b"x0,x1,y\n1,2,9\n", "9"),
        (
            b"\x00\x01\x02 no table",
            "expected an Arrow, Arrow stream, CSV, JSON lines, NPZ, Parquet or tar file, got none of them",
        ),
    ],
    ids=["not_finite", "narrow", "unknown_label", "foreign"],
)
def test_malformed_data_is_refused_with_the_reason(market: LiveMarket, content: bytes, said: str) -> None:
    made = market.bid(content)
    offer_id = market.by().open_offer(made.request).offer_id
    market.by().upload(offer_id, io.BytesIO(made.upload))
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
    offer_id = market.by().open_offer(made.request).offer_id
    market.by().upload(offer_id, io.BytesIO(made.upload))
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
    assert market.problem("PATCH", f"/offers/{unknown}/upload", data=b"x")[1].code == "offer_unknown"
    status, problem = market.problem("POST", "/offers", data=b"x" * 70_000)
    assert (status, problem.code) == (413, "request_too_large")


def test_upload_offsets_over_http(market: LiveMarket) -> None:
    made = market.bid(csv(12, 5))
    offer_id = market.by().open_offer(made.request).offer_id
    path = f"/offers/0x{offer_id.hex()}/upload"
    status, problem = market.problem("PATCH", path, data=made.upload, headers={"Upload-Offset": "7"})
    assert (status, problem.code) == (409, "upload_offset_mismatch")
    status, problem = market.problem("PATCH", path, data=made.upload + b"x", headers={"Upload-Offset": "0"})
    assert (status, problem.code) == (413, "upload_too_large")
    assert market.problem("PATCH", path, data=b"x", headers={"Upload-Offset": "-1"})[0] == 422
    assert market.problem("PATCH", path, data=b"x")[1].code == "request_invalid"


def test_delivery_answers_ranges(market: LiveMarket) -> None:
    sale = market.chain(None).posted(model_id=market.model_id)[0]
    url = f"/orders/0x{sale.order.order_id().hex()}/sealed"
    buyer = market.bearer(buyer_account)
    whole = requests.get(f"{market.daemon.url}/v1{url}", headers=buyer, timeout=CEILING)
    part = requests.get(f"{market.daemon.url}/v1{url}", headers={"Range": "bytes=100-"} | buyer, timeout=CEILING)
    assert (whole.status_code, part.status_code) == (200, 206)
    assert part.content == whole.content[100:]
    for span in (f"bytes={len(whole.content)}-", "bytes=5-2", "bytes=0-1,3-4", "lines=1-2"):
        status, problem = market.problem("GET", url, account=buyer_account, headers={"Range": span})
        assert (status, problem.code) == (416, "range_invalid")


def test_health_tells_what_works(market: LiveMarket) -> None:
    url, operator = f"{market.daemon.url}/v1/health", {"Authorization": f"Bearer {OPERATOR_TOKEN}"}
    assert requests.get(url, headers=operator, timeout=CEILING).json() == {
        "parts": dict.fromkeys(("pricing", "orders", "signing", "chain", "models"), True),
        "unavailable_models": [],
    }
    assert requests.get(url, timeout=CEILING).status_code == 401
    assert requests.get(f"{market.daemon.url}/v1/live", timeout=CEILING).json() == {"alive": True}


def test_second_daemon_on_one_journal_is_refused(market: LiveMarket) -> None:
    done = subprocess.run(
        [BIN / "assay-oracle", "serve", "--config", market.config, "--port", "0"],
        env={**os.environ, **market.daemon.environment},
        capture_output=True,
        text=True,
        timeout=CEILING,
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
        timeout=CEILING,
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
        timeout=CEILING,
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
    offer_id = market.by(patient_account).open_offer(made.request).offer_id
    path = f"{market.daemon.url}/v1/offers/0x{offer_id.hex()}/upload"
    requests.patch(
        path, data=made.upload[:half], headers=AT_THE_START | market.bearer(patient_account), timeout=CEILING
    )
    market.daemon.kill()
    market.daemon.start()
    assert market.by(patient_account).offer(offer_id).received_bytes == half
    market.by(patient_account).upload(offer_id, io.BytesIO(made.upload))
    market.daemon.kill()
    market.daemon.start()
    quoted = market.wait(offer_id, OfferStatus.QUOTED, account=patient_account)
    market.daemon.kill()
    market.daemon.start()
    again = market.by(patient_account).offer(offer_id)
    assert (again.quote, again.oracle_signature) == (quoted.quote, quoted.oracle_signature)

    domain = market.chain(None).domain
    locked = key_hash(quoted.quote.order_id(), made.key)
    message = domain.acceptance(digest(domain.quote(quoted.quote)), locked)
    signature = bytes(patient_account.sign_message(message).signature)
    market.by(patient_account).accept(offer_id, AcceptanceRequest(key_hash=locked, signature=signature))
    market.daemon.kill()
    market.daemon.start()
    posted = market.wait(offer_id, OfferStatus.POSTED, account=patient_account)
    assert len(market.chain(None).posted(order_id=posted.order_id)) == 1
    assert market.oracle_transactions() == before + 1


def test_log_tells_no_secret(market: LiveMarket) -> None:
    text = market.daemon.log.read_text()
    assert PASSWORD not in text
    assert oracle_account.key.hex() not in text
    assert "AGE-SECRET-KEY" not in text
    assert OPERATOR_TOKEN not in text
    for account in (seller_account, buyer_account):
        assert market.bearer(account)["Authorization"].removeprefix("Bearer ") not in text
    for line in text.splitlines():
        json.loads(line)


def test_http_answers_while_uploads_run(market: LiveMarket) -> None:
    """Two sellers are in the middle of their uploads until another has an answer."""
    bids = [market.bid(csv(30 + number, 400)) for number in range(2)]
    ids = [market.by().open_offer(made.request).offer_id for made in bids]
    halfway, answered = threading.Barrier(3, timeout=CEILING), threading.Event()

    def upload(offer_id: bytes, made: Bid) -> None:
        def body() -> Iterator[bytes]:
            half = len(made.upload) // 2
            yield made.upload[:half]
            halfway.wait()
            assert answered.wait(CEILING)
            yield made.upload[half:]

        status, _ = market.answer("PATCH", f"/offers/0x{offer_id.hex()}/upload", data=body(), headers=AT_THE_START)
        assert status == 200

    with ThreadPoolExecutor() as pool:
        uploads = [pool.submit(upload, offer_id, made) for offer_id, made in zip(ids, bids, strict=True)]
        halfway.wait()
        market.http.info()
        assert not any(upload.done() for upload in uploads)
        answered.set()
        for running in uploads:
            running.result(CEILING)
    for offer_id in ids:
        market.wait(offer_id, OfferStatus.QUOTED, OfferStatus.DECLINED)


def test_acceptance_of_another_key_is_refused_over_http(market: LiveMarket) -> None:
    made = market.bid(csv(40, 30, (2,)), rival_account)
    offer_id = market.by(rival_account).open_offer(made.request).offer_id
    market.by(rival_account).upload(offer_id, io.BytesIO(made.upload))
    market.wait(offer_id, OfferStatus.QUOTED, account=rival_account)
    with pytest.raises(OracleRefused) as refusal:
        market.by(rival_account).accept(
            offer_id, AcceptanceRequest(key_hash=hashlib.sha256(b"?").digest(), signature=bytes(65))
        )
    assert (refusal.value.problem, refusal.value.status) == ("key_mismatch", 422)


def test_sigterm_ends_the_daemon_in_order(market: LiveMarket) -> None:
    assert market.daemon.stop() == 0
    market.daemon.start()


def test_no_secret_is_in_anything_that_a_run_wrote(market: LiveMarket) -> None:
    """Log, ledger, uploads, deliveries, key files: neither key nor password, in any form."""
    core = Path(f"/proc/{market.daemon.process.pid}/limits").read_text().split("Max core file size")[1].split()[:2]
    assert core == ["0", "0"]
    assert market.daemon.stop() == 0
    key = bytes(oracle_account.key)
    identity = vault.open_vault(market.folder / "oracle", PASSWORD).identity.encode()
    secrets = [key, key.hex().encode(), key.hex().upper().encode(), base64.b64encode(key)[:-1]]
    secrets += [PASSWORD.encode(), OPERATOR_TOKEN.encode(), identity, identity.lower()]
    written = [path for path in market.folder.rglob("*") if path.is_file()]
    assert {"oracle.log", "journal.sqlite", "keystore.json"} <= {path.name for path in written}
    for path in written:
        content = path.read_bytes()
        assert not [secret for secret in secrets if secret in content], path
    market.daemon.start()


def test_sale_behind_three_nodes_and_a_remote_signer(market: LiveMarket) -> None:
    """One node lies about the contract and the account, and another one dies in the middle: two honest ones suffice."""
    liar = lies(eth_call=lambda _, result: "0x" + "0" * len(result[2:]), eth_getTransactionCount=lambda *_: "0x77")
    proxies = [NodeProxy(market.node.url) for _ in range(3)]
    with ExitStack() as stack:
        for proxy in proxies:
            stack.enter_context(proxy)
        signer = stack.enter_context(Web3Signer(bytes(oracle_account.key)))
        keystore = vault.folder_of(market.folder / "oracle") / "keystore.json"
        assert market.daemon.stop() == 0
        model_id = market.add_model()
        before, kept = market.daemon.environment, keystore.read_bytes()
        keystore.unlink()
        proxies[0].behave = liar
        market.daemon.environment = before | {
            "ASSAY_ORACLE_NODE": ",".join(proxy.url for proxy in proxies),
            "ASSAY_ORACLE_SIGNER": signer.url,
            "ASSAY_ORACLE_SIGNER_ADDRESS": oracle_account.address,
        }
        market.daemon.start()
        seller, path = market.seller(), market.data("three.csv", csv(50, 60, (2,)))
        record, state = seller.offer(seller.prepare(path, model_id))
        assert state.quote is not None
        signer.stop()
        with ThreadPoolExecutor() as pool:
            accepting = pool.submit(seller.accept, record)
            eventually(lambda: "no answer from the signer" in market.daemon.log.read_text())
            signer.start()
            accepting.result(CEILING)
        market.wait(state.offer_id, OfferStatus.POSTED)
        proxies[0].behave, proxies[2].behave = honest, dead
        eventually(lambda: (p := market.buyer().poll(model_id)[-1]).file and p)
        eventually(lambda: market.chain(None).order_state(state.quote.order_id()).status is Status.PAID)
        assert "node left: 1" in market.daemon.log.read_text()
        done = subprocess.run(
            [BIN / "assay-oracle", "check", "--config", market.config, "--json"],
            env={**os.environ, **market.daemon.environment},
            capture_output=True,
            text=True,
            timeout=CEILING,
        )
        found = {finding["name"].split(" http")[0]: finding["ok"] for finding in json.loads(done.stdout)["findings"]}
        assert (found["node 1"], found["node 2"], found["node 3"], found["chain"]) == (True, True, False, True)
        assert market.daemon.stop() == 0
        keystore.write_bytes(kept)
        market.daemon.environment = before
        market.daemon.start()
