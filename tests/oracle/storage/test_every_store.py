"""What every store of blobs does."""

from contextlib import suppress
from pathlib import Path

import fsspec
import pytest

from assay_oracle.errors import StorageFull
from assay_oracle.services.ports import BlobStore
from assay_oracle.storage.bucket import BucketStore
from assay_oracle.storage.local import LocalStore
from tests.oracle.storage.blobs import NAME, append, content

pytestmark = pytest.mark.unit


@pytest.fixture(params=["local", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> BlobStore:
    if request.param == "local":
        return LocalStore(tmp_path, max_bytes=100)
    return BucketStore(
        fsspec.filesystem("memory", skip_instance_cache=True), f"/{tmp_path.name}", tmp_path, max_bytes=100
    )


def test_what_was_appended_before_a_failure_stays(store: BlobStore) -> None:
    with suppress(ZeroDivisionError), store.append(NAME) as blob:
        blob.write(b"arrived")
        raise ZeroDivisionError
    assert (content(store), store.used) == (b"arrived", 7)


def test_created_blob_appears_whole_or_not_at_all(store: BlobStore) -> None:
    name = "deliveries/0b.age"
    with suppress(ZeroDivisionError), store.create(name) as blob:
        blob.write(b"half")
        raise ZeroDivisionError
    assert store.size(name) == 0
    with store.create(name) as blob:
        blob.write(b"whole")
        assert store.size(name) == 0
    assert (content(store, name), store.used) == (b"whole", 5)


def test_created_blob_is_not_refused_for_the_quota(store: BlobStore) -> None:
    with store.create("deliveries/0b.age") as blob:
        blob.write(bytes(200))
    assert store.used == 200
    with pytest.raises(StorageFull):
        append(store, b"x")


def test_blob_that_is_not_there(store: BlobStore) -> None:
    assert store.size(NAME) == 0
    store.delete(NAME)
    with pytest.raises(FileNotFoundError), store.open(NAME):
        pass


@pytest.mark.parametrize("name", ["uploads", "uploads/", "uploads/../x", "uploads/.hidden", "keys/a", "/etc/hosts", ""])
def test_names_outside_the_store_are_refused(store: BlobStore, name: str) -> None:
    for call in (store.size, store.delete, lambda one: append(store, b"x", name=one)):
        with pytest.raises(ValueError, match="blob name"):
            call(name)
