"""The store that the settings name."""

import importlib
from typing import Protocol
from urllib.parse import urlsplit

from assay.errors import SettingsError
from assay_oracle.services.ports import BlobStore, StorageSilent
from assay_oracle.settings import Settings
from assay_oracle.storage.local import LocalStore

CONNECT_SECONDS = 10
READ_SECONDS = 60
ATTEMPTS = 2
"""Of one request; a client that is told to try again does so by itself."""


class Store(BlobStore, Protocol):
    """A ``BlobStore`` of a daemon, whose journal takes room on the same machine."""

    def check_room_to_price(self) -> None:
        """Checks that pricing an offer leaves the journal room for what is due on chain.

        Raises:
            StorageFull: It might not.
        """
        ...


def open_store(settings: Settings) -> Store:
    """The store, with what it holds counted.

    Raises:
        SettingsError: There is no such store, or it does not answer.
    """
    if not settings.store:
        return LocalStore(settings.data_dir, max_bytes=settings.max_disk_bytes, shared=settings.shares_ledger())
    url = urlsplit(settings.store)
    if url.scheme != "s3" or not url.netloc:
        raise SettingsError(
            f"expected a store s3://BUCKET/PREFIX, got {settings.store!r}", hint="without one, data_dir is the store"
        )
    try:
        files = importlib.import_module("fsspec").filesystem(
            "s3",
            endpoint_url=settings.store_endpoint or None,
            config_kwargs={
                "connect_timeout": CONNECT_SECONDS,
                "read_timeout": READ_SECONDS,
                "retries": {"max_attempts": ATTEMPTS, "mode": "standard"},
            },
            use_listings_cache=False,
            skip_instance_cache=True,
        )
        bucket = importlib.import_module("assay_oracle.storage.bucket")
    except ImportError as error:
        raise SettingsError(
            f"expected the packages of the extra s3 for a store {settings.store}: {error}",
            hint='pip install "assay[oracle,s3]"',
        ) from None
    try:
        found: Store = bucket.BucketStore(
            files,
            url.netloc + url.path,
            settings.data_dir,
            max_bytes=settings.max_disk_bytes,
            shared=settings.shares_ledger(),
        )
    except StorageSilent as error:
        raise SettingsError(
            f"expected the store {settings.store}: {error.strerror}",
            hint="check store, store_endpoint and the AWS_ variables",
        ) from None
    return found


def delete_blob(settings: Settings, name: str) -> None:
    """Deletes a blob of a daemon that may be running; does nothing if it does not exist.

    Raises:
        SettingsError: The store does not answer.
    """
    if settings.store:
        open_store(settings).delete(name)
    else:
        (settings.data_dir / name).unlink(missing_ok=True)
