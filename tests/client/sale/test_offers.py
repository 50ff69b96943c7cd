"""The record of offers: the key is on disk before anything is sent, a folder is whole or absent, a key serves once."""

import errno
import hashlib
import json
import os
import stat
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from assay import files
from assay.errors import DataEmpty, KeyReused, StoreError
from assay.protocol import seal
from assay.resumable import Partial
from assay.sale import offers as offers_module
from assay.sale.offers import OfferRecord, OfferStore

pytestmark = pytest.mark.unit
cut_off_files_stay_open = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

MODEL = b"\x01" * 32
SELLER = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"


@pytest.fixture
def store(tmp_path: Path) -> OfferStore:
    return OfferStore(tmp_path / "home")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "data.csv"
    path.write_bytes(b"x,y\n1,0\n" * 500)
    return path


def create(store: OfferStore, source: Path, **options: Any) -> OfferRecord:
    return store.create(source, oracle_url="https://oracle.example", model_id=MODEL, seller=SELLER, **options)


def find(store: OfferStore, source: Path, **options: Any) -> OfferRecord | None:
    return store.find(source, **{"model_id": MODEL, "seller": SELLER} | options)


def test_everything_is_on_disk(store: OfferStore, source: Path) -> None:
    record = create(store, source)
    with store.sealed(record).open("rb") as sealed, (source.parent / "opened").open("wb") as target:
        index = seal.open_sealed(sealed, store.key(record), target)
    assert (source.parent / "opened").read_bytes() == source.read_bytes()
    assert index.data_root == record.data_root


def test_record_of_a_version_that_handed_keys_over_before_the_payment_is_read(store: OfferStore, source: Path) -> None:
    record = create(store, source)
    path = store.sealed(record).with_name("record.json")
    earlier = json.loads(path.read_text()) | {"handed_over": True}
    del earlier["failures"]
    path.write_text(json.dumps(earlier))
    assert store.load(record.data_root) == record


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o777], ids=oct)
def test_nothing_of_it_is_readable_by_others_whatever_the_umask(tmp_path: Path, source: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        store = OfferStore(tmp_path / "home")
        folder = store.sealed(create(store, source)).parent
    finally:
        os.umask(before)
    for made in (folder, folder.parent, tmp_path / "home"):
        assert stat.S_IMODE(made.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


def test_every_seal_has_its_own_key(store: OfferStore, source: Path) -> None:
    first, second = create(store, source), create(store, source)
    assert store.key(first) != store.key(second)
    assert first.data_root != second.data_root
    assert first.nonce != second.nonce


def test_unfinished_offer_of_this_file_is_found(store: OfferStore, source: Path) -> None:
    record = create(store, source)
    assert find(store, source) == record
    assert find(store, source, model_id=b"\x02" * 32) is None
    assert find(store, source, seller="0x" + 40 * "0") is None
    source.write_bytes(source.read_bytes() + b"2,1\n")
    assert find(store, source) is None


@pytest.mark.parametrize(
    ("outcome", "unfinished", "ended"),
    [(None, True, False), ("paid", False, True), ("declined", False, True), ("refused", False, False)],
)
def test_ended_offers(store: OfferStore, source: Path, outcome: str | None, unfinished: bool, ended: bool) -> None:
    store.save(create(store, source).model_copy(update={"outcome": outcome}))
    assert bool(find(store, source)) is unfinished
    assert bool(find(store, source, ended=True)) is ended


def test_key_is_bound_to_one_order_for_ever(store: OfferStore, source: Path) -> None:
    record = store.save(create(store, source).model_copy(update={"key_hash": b"\x01" * 32}))
    store.save(record.model_copy(update={"outcome": "paid"}))
    for other in (b"\x02" * 32, None):
        with pytest.raises(KeyReused, match="bound to another order"):
            store.save(record.model_copy(update={"key_hash": other}))
    assert store.load(record.data_root).key_hash == b"\x01" * 32


def test_one_file_for_two_models_has_two_keys_and_no_key_serves_both(store: OfferStore, source: Path) -> None:
    """The first order's reveal would publish the key of the second one's data."""
    first = create(store, source)
    second = store.create(source, oracle_url="https://oracle.example", model_id=b"\x02" * 32, seller=SELLER)
    assert store.key(first) != store.key(second)
    assert first.data_root != second.data_root
    for changes in ({"model_id": b"\x02" * 32}, {"nonce": b"\x03" * 32}, {"seller": "0x" + 40 * "0"}):
        for save in (lambda c: store.save(first.model_copy(update=c)), lambda c: store.update(first, **c)):
            with pytest.raises(KeyReused, match="alone"):
                save(changes)
    assert store.load(first.data_root) == first


def test_update_keeps_what_another_process_saved_meanwhile(store: OfferStore, source: Path) -> None:
    stale = create(store, source)
    store.save(stale.model_copy(update={"key_hash": b"\x01" * 32, "acceptance": b"\x02" * 65}))
    updated = store.update(stale, failures=1)
    assert (updated.key_hash, updated.acceptance, updated.failures) == (b"\x01" * 32, b"\x02" * 65, 1)


def test_one_process_at_a_time_writes(store: OfferStore, source: Path) -> None:
    """Two processes that bind one key to two orders: the second is refused, however close they are."""
    record = create(store, source)
    load, results = store.load, []

    def bind(order: bytes, within: OfferStore) -> None:
        try:
            results.append(within.save(record.model_copy(update={"key_hash": order})))
        except KeyReused as error:
            results.append(error)

    other = OfferStore(source.parent / "home")
    rival = threading.Thread(target=bind, args=(b"\x02" * 32, other))

    def load_slowly(data_root: bytes) -> OfferRecord:
        found = load(data_root)
        rival.start()
        rival.join(0.05)  # it waits for the lock
        return found

    store.load = load_slowly  # type: ignore[method-assign]
    bind(b"\x01" * 32, store)
    rival.join()
    assert [type(result) for result in results] == [OfferRecord, KeyReused]
    assert other.load(record.data_root).key_hash == b"\x01" * 32


def test_empty_file_leaves_nothing(store: OfferStore, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    with pytest.raises(DataEmpty):
        create(store, tmp_path / "empty")
    assert store.all() == []
    assert list((tmp_path / "home" / "offers").iterdir()) == []


def interrupt(monkeypatch: pytest.MonkeyPatch, store: OfferStore, source: Path, error: type[BaseException]) -> None:
    """A sealing of three batches that ends after the second."""
    batch_done = Partial.batch_done

    def stop(partial: Partial, done: int, note: bytes) -> None:
        batch_done(partial, done, note)
        if done == 2:
            raise error

    source.write_bytes(b"x,y\n1,0\n" * 350_000)
    monkeypatch.setattr(Partial, "batch_done", stop)
    with pytest.raises(error):
        create(store, source)
    monkeypatch.setattr(Partial, "batch_done", batch_done)


def test_interrupted_sealing_resumes_under_its_key(
    store: OfferStore, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupt(monkeypatch, store, source, KeyboardInterrupt)
    (aside,) = source.parent.joinpath("home", "offers").iterdir()
    key = bytes.fromhex((aside / "key").read_text())
    assert store.all() == []
    sealed: list[int] = []
    record = create(store, source, progress=sealed.append)
    assert store.key(record) == key
    assert sealed[0] > 2**20, "what was sealed before is not sealed again"
    assert record.source_digest == hashlib.sha256(source.read_bytes()).digest()
    assert find(store, source) == record
    assert {path.name for path in store.sealed(record).parent.iterdir()} == {"key", "data.sealed", "record.json"}


def test_sealing_that_was_complete_before_a_crash_is_taken(store: OfferStore, source: Path) -> None:
    record = create(store, source)
    folder = store.sealed(record).parent
    for changed in (False, True):
        aside = create_aside(store, source)
        folder.rename(aside)
        if changed:
            source.write_bytes(b"x,y\n2,1\n")
        again = create(store, source)
        assert (again == record) is not changed
    assert again.source_digest == hashlib.sha256(source.read_bytes()).digest()


def create_aside(store: OfferStore, source: Path) -> Path:
    """Where an offer of ``source`` lies while it is sealed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(offers_module, "seal_file", _raise)
        patch.setattr(Path, "rmdir", lambda _: None)
        with pytest.raises(KeyboardInterrupt):
            create(store, source)
    (aside,) = (path for path in source.parent.joinpath("home", "offers").iterdir() if path.name.startswith("."))
    aside.rmdir()
    return aside


def _raise(*_: Any, **__: Any) -> None:
    raise KeyboardInterrupt


def test_file_is_not_read_where_no_offer_can_be_of_it(
    store: OfferStore, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    create(store, source)
    monkeypatch.setattr(offers_module, "digest_of", _raise)
    assert find(store, source, model_id=b"\x02" * 32) is None


@cut_off_files_stay_open
def test_crash_at_any_line_leaves_a_folder_whole_or_absent(tmp_path: Path, source: Path) -> None:
    """What a kill would leave: no clean-up runs."""
    line = 0
    while True:
        line += 1
        store = OfferStore(tmp_path / f"home{line}")
        if not cut_off(line, store, source):
            break
        for record in store.all():
            with store.sealed(record).open("rb") as sealed:
                assert seal.find_bad_chunk(sealed, store.key(record)) is None
    assert line > 10


def cut_off(line: int, store: OfferStore, source: Path) -> bool:
    seen = 0

    class Kill(BaseException):
        pass

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal seen
        if frame.f_code.co_filename != offers_module.__file__ or frame.f_code.co_name != "create":
            return None
        if event == "line":
            seen += 1
            if seen == line:
                raise Kill
        return trace

    before, rmtree = sys.gettrace(), offers_module.shutil.rmtree
    offers_module.shutil.rmtree = lambda *_, **__: None  # type: ignore[assignment]
    sys.settrace(trace)
    try:
        create(store, source)
    except Kill:
        return True
    finally:
        sys.settrace(before)
        offers_module.shutil.rmtree = rmtree
    return False


@pytest.mark.parametrize("content", [b"", b"{", b"{}", b"[]", b"null", b"\xff"], ids=repr)
def test_damaged_record_is_told_with_its_folder_and_hides_no_other(
    store: OfferStore, source: Path, content: bytes
) -> None:
    damaged, whole = create(store, source), create(store, source)
    folder = store.sealed(damaged).parent
    (folder / "record.json").write_bytes(content)
    with pytest.raises(StoreError, match=folder.name) as raised:
        store.load(damaged.data_root)
    assert "restore" in str(raised.value.hint)
    said: list[str] = []
    again = OfferStore(source.parent / "home", report=said.append)
    assert again.all() == [whole]
    assert find(again, source) == whole
    assert folder.name in said[0]
    assert "restore the folder from a copy" in said[0]


def test_disk_without_locks_stops_no_sale(store: OfferStore, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(errno.EBADF, "Bad file descriptor")

    monkeypatch.setattr(files.fcntl, "flock", refuse)
    record = store.update(create(store, source), failures=1)
    assert store.load(record.data_root).failures == 1


@pytest.mark.parametrize("content", ["", "00", "zz" * 32])
def test_damaged_key_is_told_and_not_shown(store: OfferStore, source: Path, content: str) -> None:
    record = create(store, source)
    (store.sealed(record).parent / "key").write_text(content)
    with pytest.raises(StoreError, match="expected a key of 32 bytes"):
        store.key(record)
