"""Temporary files for decrypted data: in memory while small, else without a name and overwritten at the end."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

MEMORY_BYTES = 64 * 2**20
"""Decrypted data up to this size stays in memory; larger data goes to an unlinked file."""
_COPY_BYTES = 2**20


class ScratchFolder:
    """Makes temporary files in ``folder``, which is emptied first: a crash may have left some."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for path in folder.iterdir():
            path.unlink()
        self._folder = folder

    @contextmanager
    def __call__(self) -> Iterator[BinaryIO]:
        """One temporary file, overwritten with zeros when the context ends."""
        with tempfile.SpooledTemporaryFile(max_size=MEMORY_BYTES, dir=str(self._folder)) as file:
            try:
                yield cast(BinaryIO, file)
            finally:
                length = file.seek(0, os.SEEK_END)
                file.seek(0)
                for start in range(0, length, _COPY_BYTES):
                    file.write(bytes(min(_COPY_BYTES, length - start)))
