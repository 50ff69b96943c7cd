"""Sealed files on disk: sealed, opened and verified, resumed after an interruption, there in whole or not at all."""

import hashlib
import os
import secrets
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from assay.errors import DataChanged, NotSealedData, UsageError
from assay.files import check_regular, write_new
from assay.protocol import seal
from assay.protocol.index import read_header
from assay.protocol.resealing import Digest, InOrder
from assay.protocol.tree import Commitment, Layout
from assay.resumable import NOTE_BYTES, Partial, check_room, forget_finished, part_path, resumable, work_paths

ShowProgress = Callable[[str, int], AbstractContextManager[seal.Progress]]
"""Takes a task's name and its total bytes; yields a function that takes the bytes done since its last call."""


def seal_file(
    source: Path,
    out: Path,
    key_out: Path,
    chunk_size: int,
    progress: ShowProgress,
    *,
    digest: Digest | None = None,
    sealed: Callable[[Commitment], None] = lambda _: None,
) -> Commitment:
    """Seals ``source`` to ``out`` under a fresh key, which is on disk at ``key_out`` before anything is sealed.

    An interrupted call is resumed under its key by the same call. If ``source`` changed since, it is sealed anew under
    another key.

    Args:
        source: A file.
        out: Where the sealed file appears, complete.
        key_out: Where the key appears.
        chunk_size: Bytes of a chunk.
        progress: Shows what is done.
        digest: Receives the data, in order. What was sealed before an interruption is read again for it.
        sealed: Called before the sealed file appears.

    Raises:
        UsageError: ``source`` is no regular file; ``out`` exists, or a key at ``key_out`` that is not the one of an
            interrupted call.
        DataChanged: ``source`` changed while it was sealed.
        DiskError: There is no room for ``out``.
    """
    forget_finished(out)
    _check_new(out)
    _check_source(source, out)
    if source.exists():
        check_regular(source)
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
            secret, nodes = _secret_of(partial, layout, made_of, key_out)
            try:
                commitment = seal.seal(
                    data,
                    partial.file,
                    secret.key,
                    chunk_size=chunk_size,
                    seed=secret.seed,
                    digest=_fed(digest, data, layout, len(nodes) // NOTE_BYTES) if digest else None,
                    progress=show,
                    done=nodes,
                    batch_done=partial.batch_done,
                )
                after = source.stat()
                if (after.st_mtime_ns, after.st_ino) != (before.st_mtime_ns, before.st_ino):
                    raise DataChanged(f"{source} changed while it was sealed", hint="let its writer finish first")
                sealed(commitment)
            except BaseException as error:
                if partial.is_lost_by(error):
                    key_out.unlink(missing_ok=True)
                raise
    return commitment


@dataclass(frozen=True)
class _Secret:
    """The key of a sealed file, and the seed of its salts, which is forgotten once the file is complete."""

    key: bytes
    seed: bytes


def _secret_of(partial: Partial, layout: Layout, made_of: dict[str, str], key_out: Path) -> tuple[_Secret, bytes]:
    """What to seal with, and the nodes over the batches that are sealed with it.

    A key that exists is used, or replaced, only if it is the one of the unfinished file.
    """
    if key_out.exists():
        found, state = key_out.read_bytes(), partial.state
        if state is None or state.made_of.get("key") != _digest(found):
            raise _exists(key_out)
        seed, nodes = state.made_of.get("seed", ""), partial.notes
        done = partial.resume(
            {**made_of, "key": _digest(found), "seed": seed},
            layout.end_of,
            lambda tail: seal.first_damaged(partial.file, layout, nodes, tail),
        )
        nodes = nodes[: (done or 0) * NOTE_BYTES]
        if seed and done is not None and len(nodes) == done * NOTE_BYTES:
            return _Secret(read_key(key_out), bytes.fromhex(seed)), nodes
        key_out.unlink()
    secret = _Secret(secrets.token_bytes(seal.KEY_BYTES), secrets.token_bytes(seal.KEY_BYTES))
    written = secret.key.hex().encode() + b"\n"
    partial.restart({**made_of, "key": _digest(written), "seed": secret.seed.hex()})
    write_new(key_out, written)
    return secret, b""


def _fed(digest: Digest, data: BinaryIO, layout: Layout, done: int) -> InOrder:
    """``digest`` with the data of the batches that are ``done``."""
    data.seek(0)
    for number in layout.batches[:done]:
        digest.update(memoryview(data.read(layout.batch(number).data_bytes)))
    return InOrder(digest, done)


def _digest(key: bytes) -> str:
    return hashlib.sha256(b"assay/unfinished/v1" + key).hexdigest()


def open_file(sealed: Path, key: bytes, out: Path, progress: ShowProgress) -> seal.Index:
    """Opens ``sealed`` to ``out``, checking every chunk. An interrupted call is resumed by the same call.

    Raises:
        UsageError: ``out`` exists.
        SealError: ``sealed`` is not what its root commits to, or ``key`` does not open it; nothing is left.
        DiskError: There is no room for ``out``.
    """
    forget_finished(out)
    _check_new(out)
    _check_source(sealed, out)
    with sealed.open("rb") as source:
        layout, root = read_header(source)
        if not part_path(out).exists():
            check_room(out.parent, layout.data_bytes)
        made_of = {"root": root.hex(), "bytes": str(layout.total_bytes)}
        with resumable(out) as partial:
            index, done = _opened_before(partial, made_of, source, key)
            with progress("opening", layout.total_bytes) as show:
                batch_done = partial.batch_done
                seal.open_sealed(
                    source, key, partial.file, index=index, progress=show, done=done, batch_done=batch_done
                )
    return index


def _opened_before(partial: Partial, made_of: dict[str, str], source: BinaryIO, key: bytes) -> tuple[seal.Index, int]:
    """The index of ``source``, and the number of batches that an earlier run opened."""
    if partial.state is not None and partial.state.made_of == made_of:
        index = seal.read_index(source, nodes=partial.notes)
        done = partial.resume(
            made_of, index.layout.data_end_of, lambda tail: seal.first_unopened(source, key, partial.file, index, tail)
        )
        if done is not None:
            return index, done
    index = seal.read_index(source)
    partial.restart(made_of, index.nodes)
    return index, 0


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
    return UsageError(f"{path} exists", hint="choose another name, or move the file away")
