"""Answers of an object store: what is read of a blob has the length that the store named, or there is a named error.

An input is two parts with ``http_answers.END`` between them: a listing, ``{"file": {"size": ...}}`` in JSON, as fsspec
has it, and the bytes of every object.
"""

import json
import tempfile
from pathlib import Path
from typing import Any, cast

from fsspec import AbstractFileSystem

from assay.errors import AssayError
from assay_oracle.services.ports import StorageSilent
from assay_oracle.storage.bucket import BucketStore
from fuzz.http_answers import END

NAME = "uploads/00.age"
ROOT = "bucket/prefix"


class _Files:
    """A file system of fsspec with the answers of an input."""

    def __init__(self, listing: Any, content: bytes) -> None:
        self._listing = listing
        self._content = content

    def invalidate_cache(self) -> None:
        pass

    def find(self, path: str, detail: bool) -> Any:  # noqa: ARG002
        if not isinstance(self._listing, dict):
            return self._listing
        return {f"{ROOT}/{NAME}/{name}": found for name, found in self._listing.items()}

    def cat_file(self, path: str, start: int, end: int) -> bytes:  # noqa: ARG002
        assert 0 <= start < end
        return self._content[start:end]

    def pipe_file(self, path: str, content: bytes) -> None:
        pass

    def rm(self, paths: list[str]) -> None:
        pass


def check(content: bytes) -> None:
    """Opens the store, reads a blob, appends to it, deletes it.

    Raises:
        Exception: A finding.
    """
    listed, _, held = content.partition(END)
    try:
        listing = json.loads(listed)
    except (ValueError, RecursionError):
        return
    files = cast(AbstractFileSystem, _Files(listing, held))
    try:
        store = BucketStore(files, ROOT, Path(tempfile.gettempdir()), max_bytes=2**20)
        size = store.size(NAME)
        assert size >= 0
        with store.open(NAME) as blob:
            read = blob.read(2**16)
            assert len(read) == min(size, 2**16)
        with store.append(NAME) as writer:
            writer.write(b"more")
        store.delete(NAME)
    except (AssayError, StorageSilent, FileNotFoundError):
        return
