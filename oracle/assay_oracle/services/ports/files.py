"""The port of files: uploads and deliveries, and temporary files for decrypted data."""

import errno
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import BinaryIO, Protocol


class StorageSilent(OSError):
    """A store on another machine does not answer. As with a disk that fails, no offer is to blame."""

    def __init__(self, message: str) -> None:
        super().__init__(errno.EIO, message)


class BlobWriter(Protocol):
    """Writes to the end of a blob."""

    def write(self, piece: bytes) -> None:
        """Appends ``piece``.

        Raises:
            StorageFull: There is no room for it; nothing of it was written.
            FileNotFoundError: The blob was deleted meanwhile.
        """
        ...


class BlobStore(Protocol):
    """Named sequences of bytes. A name is ``<kind>/<file>``, both of letters, digits, ``.``, ``_`` and ``-``.

    Every method raises ``OSError`` if the disk fails, ``StorageSilent`` if there is no answer.
    """

    def size(self, name: str) -> int:
        """Number of bytes of a blob; 0 if it does not exist."""
        ...

    def open(self, name: str) -> AbstractContextManager[BinaryIO]:
        """The blob for reading: seekable, from its start.

        Raises:
            FileNotFoundError: It does not exist.
        """
        ...

    def append(self, name: str) -> AbstractContextManager[BlobWriter]:
        """Writes to the end of a blob, which is created if it does not exist; durable when the context ends."""
        ...

    def create(self, name: str) -> AbstractContextManager[BinaryIO]:
        """A new blob for writing. It appears complete and durable when the context ends, and never otherwise."""
        ...

    def delete(self, name: str) -> None:
        """Deletes a blob; does nothing if it does not exist."""
        ...


Scratch = Callable[[], AbstractContextManager[BinaryIO]]
"""Makes a temporary file for decrypted data: seekable, without a name, gone when the context ends."""
