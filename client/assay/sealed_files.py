"""Sealed files on disk: sealed, opened and verified, resumed after an interruption, there in whole or not at all."""

import hashlib
import os
import secrets
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from assay.errors import DataChanged, NotSealedData, UsageError
from assay.files import write_new
from assay.protocol import seal
from assay.protocol.index import read_header
from assay.protocol.tree import Commitment, Layout
from assay.resumable import NOTE_BYTES, Partial, check_room, part_path, resumable, work_paths

ShowProgress = Callable[[str, int], AbstractContextManager[seal.Progress]]
"""Takes a task's name and its total bytes; yields a function that takes the bytes done since its last call."""


def seal_file(source: Path, out: Path, key_out: Path, chunk_size: int, progress: ShowProgress) -> Commitment:
    """Seals ``source`` to ``out`` under a fresh key, which is on disk at ``key_out`` before anything is sealed.

    An interrupted call is resumed under its key by the same call. If ``source`` changed since, it is sealed anew under
    another key.

    Raises:
        UsageError: ``out`` exists, or a key at ``key_out`` that is not the one of an interrupted call.
        DataChanged: ``source`` changed while it was sealed.
        DiskError: There is no room for ``out``.
    """
    _check_new(out)
    _check_source(source, out)
    with source.open("rb") as data:
        before = os.fstat(data.fileno())
        layout = Layout.of_data(before.st_size, chunk_size)
        if not part_path(out).exists():
            _check_new(key_out)
            check_room(out.parent, layout.file_bytes)
        made_of = {
            "bytes": str(before.st_size),
            "modified": str(before.st_mtime_ns),
            "changed": str(before.st_ctime_ns),  # a program can set back the time of modification, not this one
            "inode": f"{before.st_dev}:{before.st_ino}",
            "chunk_size": str(chunk_size),
        }
        with resumable(out) as partial, progress("sealing", layout.data_bytes) as show:
            key, nodes = _key_of(partial, layout, made_of, key_out)
            try:
                commitment = seal.seal(
                    data,
                    partial.file,
                    key,
                    chunk_size=chunk_size,
                    progress=show,
                    done=nodes,
                    batch_done=partial.batch_done,
                )
                after = source.stat()
                if (after.st_mtime_ns, after.st_ino) != (before.st_mtime_ns, before.st_ino):
                    raise DataChanged(f"{source} changed while it was sealed", hint="let its writer finish first")
            except BaseException as error:
                if partial.is_lost_by(error):
                    key_out.unlink(missing_ok=True)
                raise
    return commitment


def _key_of(partial: Partial, layout: Layout, made_of: dict[str, str], key_out: Path) -> tuple[bytes, bytes]:
    """The key to seal under, and the nodes over the batches that are sealed under it.

    A key that exists is used, or replaced, only if it is the one of the unfinished file.
    """
    if key_out.exists():
        found = key_out.read_bytes()
        if partial.state is None or partial.state.made_of.get("key") != _digest(found):
            raise _exists(key_out)
        done = partial.resume({**made_of, "key": _digest(found)}, layout.end_of)
        nodes = partial.notes[: (done or 0) * NOTE_BYTES]
        if done is not None and len(nodes) == done * NOTE_BYTES:
            return read_key(key_out), nodes
        key_out.unlink()
    key = secrets.token_bytes(seal.KEY_BYTES)
    written = key.hex().encode() + b"\n"
    partial.restart({**made_of, "key": _digest(written)})
    write_new(key_out, written)
    return key, b""


def _digest(key: bytes) -> str:
    return hashlib.sha256(b"assay/unfinished/v1" + key).hexdigest()


def open_file(sealed: Path, key: bytes, out: Path, progress: ShowProgress) -> seal.Index:
    """Opens ``sealed`` to ``out``, checking every chunk. An interrupted call is resumed by the same call.

    Raises:
        UsageError: ``out`` exists.
        SealError: ``sealed`` is not what its root commits to, or ``key`` does not open it; nothing is left.
        DiskError: There is no room for ``out``.
    """
    _check_new(out)
    _check_source(sealed, out)
    with sealed.open("rb") as source:
        layout, root = read_header(source)
        if not part_path(out).exists():
            check_room(out.parent, layout.data_bytes)
        made_of = {"root": root.hex(), "bytes": str(layout.total_bytes)}
        with resumable(out) as partial:
            done = partial.resume(made_of, layout.data_end_of)
            index = seal.read_index(source, nodes=None if done is None else partial.notes)
            if done is None:
                partial.restart(made_of, index.nodes)
            with progress("opening", layout.total_bytes) as show:
                batch_done = partial.batch_done
                seal.open_sealed(
                    source, key, partial.file, index=index, progress=show, done=done or 0, batch_done=batch_done
                )
    return index


def read_key(path: Path) -> bytes:
    """The sealing key in the file at ``path``.

    Raises:
        NotSealedData: It has none.
    """
    try:
        return bytes.fromhex(path.read_text().strip().removeprefix("0x"))
    except ValueError:  # UnicodeDecodeError is one
        raise NotSealedData(f"expected a key of 32 bytes in hex in {path}, got something else") from None


def _check_source(source: Path, out: Path) -> None:
    """Refuses a source that is an unfinished file of ``out``: it would be emptied."""
    for name in work_paths(out):
        if name.exists() and source.exists() and name.samefile(source):
            raise UsageError(
                f"expected a file to read, {source} is an unfinished file of {out}",
                hint="choose another name with --out, or rename the file",
            )


def _check_new(path: Path) -> None:
    if path.exists():
        raise _exists(path)


def _exists(path: Path) -> UsageError:
    return UsageError(f"{path} exists", hint="choose another name with --out or --key-out")
