"""The store of objects on an S3-compatible server that runs: ranges, uploads in parts, restarts, refusals."""

import hashlib
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from moto.server import ThreadedMotoServer

from assay.errors import SettingsError
from assay_oracle.server.preflight import Finding, Preflight
from assay_oracle.services.ports import StorageSilent
from assay_oracle.settings import Settings
from assay_oracle.storage import bucket
from assay_oracle.storage.bucket import BucketStore
from assay_oracle.storage.chosen import delete_blob, open_store
from tests.kit.bids import bid
from tests.kit.market import Market
from tests.oracle.storage.blobs import content

pytestmark = pytest.mark.integration

UPLOAD, DELIVERY = "uploads/0a.age", "deliveries/0b.age"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    running = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    yield f"http://{host}:{port}"
    running.stop()


@pytest.fixture
def settings(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "name")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setattr(bucket, "OBJECT_BYTES", 5 * 2**20)  # the shortest part of an upload that S3 takes
    httpx.post(f"{server}/moto-api/reset", timeout=600)
    assert httpx.put(f"{server}/sealed", timeout=600).status_code == 200
    return Settings(data_dir=tmp_path, store="s3://sealed/oracle/one", store_endpoint=server)


def opened(settings: Settings) -> BucketStore:
    store = open_store(settings)
    assert isinstance(store, BucketStore)
    return store


def keys(settings: Settings) -> str:
    return httpx.get(f"{settings.store_endpoint}/sealed?list-type=2").text


def test_upload_grows_over_restarts_and_any_range_of_it_is_read(settings: Settings) -> None:
    whole = hashlib.shake_256(b"upload").digest(900_000)
    store = opened(settings)
    for start in range(0, len(whole), 300_000):
        with store.append(UPLOAD) as blob:
            blob.write(whole[start : start + 300_000])
        store = opened(settings)
    assert (store.size(UPLOAD), store.used) == (900_000, 900_000)
    with store.open(UPLOAD) as blob:
        for start, length in ((0, 10), (299_990, 20), (600_000, 1), (899_999, 5), (1, 800_000)):
            blob.seek(start)
            assert blob.read(length) == whole[start : start + length]
    delete_blob(settings, UPLOAD)
    assert opened(settings).used == 0
    assert "<Key>" not in keys(settings)


def test_large_blob_is_sent_in_parts_and_appears_whole(settings: Settings) -> None:
    whole = hashlib.shake_256(b"delivery").digest(2 * bucket.OBJECT_BYTES + 1000)
    store = opened(settings)
    with store.create(DELIVERY) as blob:
        blob.write(whole)
        assert store.size(DELIVERY) == 0
    assert content(store, DELIVERY) == whole
    head = httpx.head(f"{settings.store_endpoint}/sealed/oracle/one/{DELIVERY}/{0:020}")
    assert head.headers["etag"].strip('"').endswith("-3"), "three parts"


def test_crash_between_two_parts_leaves_no_blob(settings: Settings) -> None:
    """A process that dies leaves the parts with the server, which shows no object; the next one begins again."""
    store = opened(settings)
    path = f"{settings.store_endpoint}/sealed/oracle/one/{DELIVERY}/{0:020}"
    begun = httpx.post(f"{path}?uploads").text
    upload_id = begun.split("<UploadId>")[1].split("</UploadId>")[0]
    part = httpx.put(f"{path}?partNumber=1&uploadId={upload_id}", content=bytes(bucket.OBJECT_BYTES))
    assert part.status_code == 200
    for one in (store, opened(settings)):
        assert (one.size(DELIVERY), one.used) == (0, 0)
    with store.create(DELIVERY) as blob:
        blob.write(b"whole")
    assert content(store, DELIVERY) == b"whole"


def test_failure_between_two_parts_gives_the_upload_up(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    store = opened(settings)
    files: Any = store._files
    call_s3, sent = files.call_s3, list[str]()

    def fail_later(method: str, *arguments: Any, **options: Any) -> Any:
        sent.append(method)
        if sent.count("upload_part") == 2:
            raise ConnectionResetError("connection reset")
        return call_s3(method, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(files, "call_s3", fail_later)
        with pytest.raises(StorageSilent, match="connection reset"), store.create(DELIVERY) as blob:
            blob.write(bytes(2 * bucket.OBJECT_BYTES + 1))
    assert store.size(DELIVERY) == 0
    assert "<Key>" not in keys(settings)
    assert "<UploadId>" not in httpx.get(f"{settings.store_endpoint}/sealed?uploads").text


def test_sale_is_resumed_after_a_restart_in_the_middle_of_the_upload(settings: Settings, tmp_path: Path) -> None:
    class RemoteMarket(Market):
        def open_store(self) -> BucketStore:
            return opened(settings)

    market = RemoteMarket(tmp_path)
    made = bid(market.model_id, b"a\nb\n" * 3000)
    offer_id = market.as_seller.open_offer(made.request).offer_id
    market.upload(made, upto=len(made.upload) // 2)
    assert market.received(offer_id) == len(made.upload) // 2
    market.restart()
    market.upload(made, offset=market.received(offer_id))
    assert content(opened(settings), f"uploads/{offer_id.hex()}.age") == made.upload
    assert not (market.folder / "uploads").exists()
    market.journal.close()


# --- refusals ---


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def test_bucket_that_is_not_there_is_told_before_the_daemon_starts(settings: Settings) -> None:
    missing = settings.model_copy(update={"store": "s3://missing/prefix"})
    with pytest.raises(SettingsError, match="s3://missing/prefix: there is no bucket"):
        open_store(missing)


def test_server_that_is_not_there_is_told_before_the_daemon_starts(settings: Settings) -> None:
    gone = settings.model_copy(update={"store_endpoint": f"http://127.0.0.1:{free_port()}"})
    findings: list[Finding] = []
    Preflight(gone, load=lambda _: None, prove=lambda *_: None, now=lambda: 0, report=findings.append).run()  # type: ignore[arg-type, return-value]
    (found,) = [finding for finding in findings if finding.name == "store"]
    assert not found.ok
    assert "does not answer" in found.message
    assert "store_endpoint" in str(found.hint)
