"""The store of objects: what is appended, created and deleted, whatever the server below does. S3 itself: test_s3."""

import io
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest

from assay.errors import OracleRefused, SettingsError
from assay_oracle.errors import StorageFull
from assay_oracle.services.ports import StorageSilent
from assay_oracle.settings import Settings
from assay_oracle.storage import bucket
from assay_oracle.storage.bucket import BucketStore
from assay_oracle.storage.chosen import delete_blob, open_store
from assay_oracle.storage.local import LocalStore
from tests.kit.bids import bid
from tests.kit.market import Market
from tests.oracle.storage.blobs import NAME, append, content

pytestmark = pytest.mark.unit


@pytest.fixture
def files() -> Any:
    return fsspec.filesystem("memory", skip_instance_cache=True)


@pytest.fixture
def again(files: Any, tmp_path: Path) -> Callable[..., BucketStore]:
    """Opens the store anew, as after a restart."""
    root = f"/{secrets.token_hex(8)}/prefix"
    return lambda max_bytes=100: BucketStore(files, root, tmp_path, max_bytes=max_bytes)


@pytest.fixture
def store(again: Callable[..., BucketStore]) -> BucketStore:
    return again()


def test_appended_pieces_are_read_back_after_a_restart(store: BucketStore, again: Callable[..., BucketStore]) -> None:
    append(store, b"first ")
    append(store, b"second", b" and third")
    for one in (store, again()):
        assert content(one) == b"first second and third"
        assert (one.size(NAME), one.used) == (22, 22)


def test_long_request_is_stored_while_it_arrives(store: BucketStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bucket, "OBJECT_BYTES", 10)
    with store.append(NAME) as blob:
        for _ in range(5):
            blob.write(b"12345678")
        assert store.size(NAME) == 32
    assert content(store) == b"12345678" * 5


@pytest.mark.parametrize("listed", [{}, {"size": None}, {"size": -1}, {"size": "many"}, 7], ids=repr)
def test_listing_that_names_no_lengths_is_no_answer(
    store: BucketStore, files: Any, listed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "find", lambda path, **_: {f"{path}/{0:020}": listed})
    with pytest.raises(StorageSilent):
        store.size(NAME)


def test_piece_beyond_the_quota_is_not_written(store: BucketStore, again: Callable[..., BucketStore]) -> None:
    append(store, bytes(90))
    with pytest.raises(StorageFull, match="11 more bytes"):
        append(store, bytes(11))
    assert store.size(NAME) == 90
    append(store, bytes(10))
    again().delete(NAME)  # another process, such as assay-oracle drop
    store._recounted = float("-inf")
    append(store, bytes(10), name="uploads/0b.age")
    assert store.used == 10


def test_blob_ends_before_a_gap(store: BucketStore, files: Any, again: Callable[..., BucketStore]) -> None:
    """Another process deleted the upload while this one appended to it."""
    append(store, b"first")
    with store.append(NAME) as blob:
        again().delete(NAME)
        blob.write(b"second")
    assert again().size(NAME) == 0
    append(store, b"anew")
    assert content(again()) == b"anew"


def test_any_range_is_read_across_objects(store: BucketStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bucket, "LEAST_READ_BYTES", 4)
    monkeypatch.setattr(bucket, "MOST_READ_BYTES", 16)
    whole = bytes(range(90))
    for start in range(0, 90, 7):
        append(store, whole[start : start + 7])
    with store.open(NAME) as blob:
        for start in range(0, 90, 5):
            for length in (1, 3, 40, 100):
                blob.seek(start)
                assert blob.read(length) == whole[start : start + length]
        assert blob.seek(0, 2) == 90
        assert blob.read(1) == b""


def test_reads_grow_while_they_are_in_order(store: BucketStore, files: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    cat_file = files.cat_file
    monkeypatch.setattr(
        files, "cat_file", lambda path, start, end: asked.append(end - start) or cat_file(path, start, end)
    )
    monkeypatch.setattr(bucket, "LEAST_READ_BYTES", 4)
    monkeypatch.setattr(bucket, "MOST_READ_BYTES", 32)
    append(store, bytes(100))
    with store.open(NAME) as blob:
        blob.read()
    assert asked == [8, 16, 32, 32, 12]


class Lost(Exception):
    """An error of a library, of no common kind."""


@pytest.mark.parametrize("call", ["find", "pipe_file", "cat_file", "rm", "open"])
def test_server_that_does_not_answer_is_told_and_loses_nothing(
    store: BucketStore, files: Any, again: Callable[..., BucketStore], call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise Lost("no route to host")

    append(store, b"kept")

    def act() -> None:
        content(store)
        append(store, b" and more")
        with store.create("deliveries/0b.age") as blob:
            blob.write(b"whole")
        store.delete(NAME)

    with monkeypatch.context() as patch:
        patch.setattr(files, call, fail)
        with pytest.raises(StorageSilent, match="Lost: no route to host"):
            act()
    assert content(store).startswith(b"kept")
    assert store.used == again().used


def test_upload_of_a_created_blob_that_fails_leaves_none(
    store: BucketStore, files: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    given_up: list[str] = []

    class Target:
        closed = False

        def write(self, _: bytes) -> None:
            raise Lost("connection reset")

        def discard(self) -> None:
            given_up.append("discarded")

    target = Target()
    monkeypatch.setattr(files, "open", lambda *_, **__: target)
    with pytest.raises(StorageSilent), store.create("deliveries/0b.age") as blob:
        blob.write(b"whole")
    assert (given_up, target.closed, store.size("deliveries/0b.age")) == (["discarded"], True, 0)


# --- what the settings name ---


def test_folder_is_the_store_without_a_setting(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    assert isinstance(open_store(settings), LocalStore)
    (tmp_path / "uploads" / "0a.age").write_bytes(b"x")
    for _ in range(2):
        delete_blob(settings, NAME)
    assert not (tmp_path / "uploads" / "0a.age").exists()


@pytest.mark.parametrize("store", ["bucket/prefix", "s3://", "s3:///prefix", "http://example.com", "file:///tmp"])
def test_store_of_another_kind_is_refused(tmp_path: Path, store: str) -> None:
    with pytest.raises(SettingsError, match="expected a store s3://BUCKET/PREFIX"):
        open_store(Settings(data_dir=tmp_path, store=store))


def test_missing_packages_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "fsspec", None)
    with pytest.raises(SettingsError, match="packages of the extra s3") as raised:
        open_store(Settings(data_dir=tmp_path, store="s3://bucket/prefix"))
    assert "pip install" in str(raised.value.hint)


# --- a sale ---


@pytest.fixture
def market(tmp_path: Path, again: Callable[..., BucketStore]) -> Iterator[Market]:
    class RemoteMarket(Market):
        def open_store(self) -> BucketStore:
            return again(2**20)

    made = RemoteMarket(tmp_path)
    yield made
    made.journal.close()


def test_sale_leaves_nothing_on_the_disk(market: Market) -> None:
    _, state, order = market.sell(b"one\ntwo\n")
    market.restart()
    with market.delivery.sealed(order.order_id()).open() as delivery:
        assert delivery.read(3) == b"age"
    assert market.received(state.offer_id) == state.upload_bytes
    assert not (market.folder / "uploads").exists()


def test_store_that_does_not_answer_ends_no_offer(market: Market, files: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the upload nor the attempt is lost: the seller is not to blame."""
    made = bid(market.model_id, b"one\ntwo\n" * 5000)
    cat_file, answered = files.cat_file, list[int]()

    def fail_later(path: str, start: int, end: int) -> bytes:
        answered.append(end - start)
        if len(answered) > most:
            raise Lost("no route to host")
        found: bytes = cat_file(path, start=start, end=end)
        return found

    offer_id = market.upload(made).offer_id
    for most in (0, 1):
        with monkeypatch.context() as patch:
            patch.setattr(bucket, "LEAST_READ_BYTES", 2**13)
            patch.setattr(files, "cat_file", fail_later)
            answered.clear()
            with pytest.raises(StorageSilent):
                market.oracle.evaluation.price_next()
        assert len(answered) == most + 1
        assert market.offers.state(offer_id).status == "pricing"
        market.restart()
    market.oracle.evaluation.price_next()
    assert market.offers.state(offer_id).status == "quoted"


def test_client_is_told_to_come_back(market: Market, files: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    made = bid(market.model_id, b"one\ntwo\n")
    offer_id = market.as_seller.open_offer(made.request).offer_id

    def fail(*_: Any, **__: Any) -> None:
        raise Lost("no route to host")

    with monkeypatch.context() as patch:
        patch.setattr(files, "pipe_file", fail)
        with pytest.raises(OracleRefused, match="does not answer") as raised:
            market.as_seller.upload(offer_id, io.BytesIO(made.upload))
        assert (raised.value.status, raised.value.problem) == (503, "storage_unavailable")
    market.as_seller.upload(offer_id, io.BytesIO(made.upload))
    assert market.received(offer_id) == len(made.upload)
