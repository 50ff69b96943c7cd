"""The local store and its scratch files: bounded, durable, and unreadable once they are gone."""

import io
import os
import shutil
from contextlib import suppress
from pathlib import Path

import pytest

from assay.errors import SettingsError
from assay_oracle.errors import StorageFull
from assay_oracle.server.daemon import where_room
from assay_oracle.storage import local
from assay_oracle.storage.local import LocalStore, check_room
from assay_oracle.storage.scratch import ScratchFolder
from tests.oracle.storage.blobs import NAME, append, content

pytestmark = pytest.mark.unit


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path, max_bytes=100)


def test_appended_pieces_are_read_back_after_a_restart(store: LocalStore, tmp_path: Path) -> None:
    append(store, b"first ")
    append(store, b"second")
    again = LocalStore(tmp_path, max_bytes=100)
    assert content(again) == b"first second"
    assert (again.size(NAME), again.used) == (12, 12)
    assert (tmp_path / NAME).stat().st_mode & 0o777 == 0o600


def test_piece_beyond_the_quota_is_not_written(store: LocalStore) -> None:
    append(store, bytes(90))
    with pytest.raises(StorageFull, match="11 more bytes"):
        append(store, bytes(11))
    assert store.size(NAME) == 90
    append(store, bytes(10))
    store.delete(NAME)
    assert (store.size(NAME), store.used) == (0, 0)


def test_created_blob_leaves_no_other_file(store: LocalStore, tmp_path: Path) -> None:
    name = "deliveries/0b.age"
    with suppress(ZeroDivisionError), store.create(name) as blob:
        blob.write(b"half")
        raise ZeroDivisionError
    with store.create(name) as blob:
        blob.write(b"whole")
    assert [path.name for path in (tmp_path / "deliveries").iterdir()] == ["0b.age"]


def test_half_made_files_of_a_crash_are_deleted_at_the_next_start(store: LocalStore, tmp_path: Path) -> None:
    (tmp_path / "deliveries" / ".0b.age.part").write_bytes(b"half")
    assert LocalStore(tmp_path, max_bytes=100).used == 0
    assert not list((tmp_path / "deliveries").iterdir())


def test_blob_that_another_thread_deletes_while_the_store_is_measured(
    store: LocalStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = Path.iterdir
    monkeypatch.setattr(Path, "iterdir", lambda folder: [*listed(folder), folder / "deleted.age"])
    append(store, b"four")
    assert store.used == 4


def test_room_on_the_disk(tmp_path: Path) -> None:
    assert check_room(tmp_path, 0) >= 0
    with pytest.raises(SettingsError, match="are left"):
        check_room(tmp_path, 2**60)
    with pytest.raises(SettingsError, match="data folder"):
        check_room(tmp_path / "none", 0)


# --- scratch files ---


def test_data_over_the_memory_bound_is_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assay_oracle.storage.scratch.MEMORY_BYTES", 16)
    scratch = ScratchFolder(tmp_path / "scratch")
    with scratch() as file:
        file.write(b"recognisable" * 10)
        held = file._file  # type: ignore[attr-defined]
        assert not isinstance(held, io.BytesIO)
        assert not list((tmp_path / "scratch").iterdir()), "the file has a name"
        duplicate = os.dup(held.fileno())
    with open(duplicate, "rb") as after:
        after.seek(0)
        assert after.read() == bytes(120)


def test_scratch_files_of_a_crash_are_deleted_at_the_next_start(tmp_path: Path) -> None:
    (tmp_path / "scratch").mkdir()
    (tmp_path / "scratch" / "left").write_bytes(b"data")
    ScratchFolder(tmp_path / "scratch")
    assert not list((tmp_path / "scratch").iterdir())


def test_no_request_counts_all_files_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stranger with many small uploads makes nobody's upload slower."""
    store = LocalStore(tmp_path, max_bytes=10_000)
    monkeypatch.setattr(LocalStore, "_measure", lambda _: pytest.fail("all files were counted"))
    for number in range(3):
        for piece in (b"one", b"three"):
            with store.append(f"uploads/{number}") as blob:
                blob.write(piece)
    with store.create("deliveries/a") as file:
        file.write(b"four")
    with store.create("deliveries/a") as file:
        file.write(b"eleven more")
    assert store.used == 3 * 8 + 11
    store.delete("uploads/1")
    store.delete("uploads/1")
    assert store.used == 2 * 8 + 11


def test_upload_that_is_deleted_while_it_grows_takes_no_more_space(tmp_path: Path) -> None:
    store = LocalStore(tmp_path, max_bytes=10_000)
    with store.append("uploads/a") as blob:
        blob.write(b"one")
        store.delete("uploads/a")
        with pytest.raises(FileNotFoundError):
            blob.write(b"two")
    assert store.used == 0
    assert not (tmp_path / "uploads/a").exists()


def test_uploads_leave_the_space_without_which_no_offer_is_priced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Offers that wait for a price keep their uploads: if these could take that space, they would wait for ever."""
    store, disk = LocalStore(tmp_path, max_bytes=2**60), 3 * 2**30
    usage = shutil._ntuple_diskusage(disk, 0, disk)  # type: ignore[attr-defined]
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=disk - store.used))
    with suppress(StorageFull):
        while True:
            store.reserve(2**24)
    assert store.used > 2**30
    store.check_room_to_price()


def test_nothing_is_priced_while_the_journal_might_fill_the_disk(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    priced: list[int] = []
    tick = where_room(store, lambda: bool(priced.append(1)))
    monkeypatch.setattr(local, "PRICING_BYTES", 2**62)
    with pytest.raises(StorageFull, match="offers wait"):
        tick()
    assert priced == []
    monkeypatch.setattr(local, "PRICING_BYTES", 0)
    assert tick() is False
    assert priced == [1]
