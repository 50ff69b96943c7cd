"""The format of a backup: one age envelope around the keys, which stay encrypted, and every row of the ledger.

    assay-oracle-backup/1 <password|recipient> <hex>\n     hex: an age identity under the vault's password; or empty
    age envelope, for that identity or for the recipient, of a gzip stream of JSON lines:
        {"id", "made_at", "revision", "moved", "quote_seconds", "address", "recipient"}
        {"vault": {file: text, ...}}
        {"table": name, "columns": [...]}   and after it one array for each row, in an order in which they are written
        {"sha256", "tag"}                   of all lines before, and its HMAC under the vault's secret

Anyone can encrypt to a recipient. The tag shows that the vault's holder made the backup.
"""

import gzip
import hashlib
import hmac
import io
import json
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, BinaryIO, cast

from assay import envelope, passphrase
from assay.errors import PasswordWrong
from assay_oracle.errors import BackupInvalid
from assay_oracle.ledger.transfer.snapshot import Row, Snapshot

_MAGIC = b"assay-oracle-backup/1"
_MOST_HEAD = 4096
_HINT = "name a file that assay-oracle backup wrote, whole"

Tag = Callable[[bytes], bytes]


@dataclass(frozen=True)
class Manifest:
    """What a backup is.

    Attributes:
        id: 16 random bytes in hex.
        made_at: Unix time.
        revision: Of the ledger's tables.
        moved: The ledger was not used any more when the backup was made.
        quote_seconds: Lifetime of the quotes that the oracle signed.
        address: The oracle's account; None if it ran dry.
        recipient: Age recipient of uploads.
    """

    id: str
    made_at: int
    revision: str
    moved: bool
    quote_seconds: int
    address: str | None
    recipient: str


# --- writing ----------------------------------------------------------------------------------------------------------


def write(
    target: BinaryIO,
    manifest: Manifest,
    vault: dict[str, str],
    snapshot: Snapshot,
    *,
    tag: Tag,
    password: str,
    recipient: str | None,
) -> dict[str, int]:
    """Writes a backup as a stream; nothing of it is on the disk in clear.

    Args:
        target: Empty.
        manifest: What it is.
        vault: The files of the keys.
        snapshot: The ledger.
        tag: HMAC of a digest under the vault's secret.
        password: Of the vault, which opens the backup unless there is a recipient.
        recipient: Age recipient whose identity alone opens it.

    Returns:
        Number of rows of each table.
    """
    counts: dict[str, int] = {}
    if recipient is None:
        identity = envelope.new_identity()
        locked = passphrase.encrypt(identity.encode(), password).hex()
        target.write(b"%s password %s\n" % (_MAGIC, locked.encode()))
        recipient = envelope.public_of(identity)
    else:
        target.write(b"%s recipient \n" % _MAGIC)
    lines = _tagged(_lines(manifest, vault, snapshot, counts), tag)
    envelope.encrypt_to(recipient, cast(BinaryIO, io.BufferedReader(_Stream(_gzip(lines)))), target)
    return counts


def _lines(manifest: Manifest, vault: dict[str, str], snapshot: Snapshot, counts: dict[str, int]) -> Iterator[bytes]:
    yield _line(asdict(manifest))
    yield _line({"vault": vault})
    for name, columns, rows in snapshot.tables():
        counts[name] = 0
        yield _line({"table": name, "columns": columns})
        for row in rows:
            counts[name] += 1
            yield _line([_plain(value) for value in row])


def _tagged(lines: Iterable[bytes], tag: Tag) -> Iterator[bytes]:
    digest = hashlib.sha256()
    for line in lines:
        digest.update(line)
        yield line
    yield _line({"sha256": digest.hexdigest(), "tag": tag(digest.digest()).hex()})


def _gzip(lines: Iterable[bytes]) -> Iterator[bytes]:
    compressor = zlib.compressobj(level=1, wbits=31)
    for line in lines:
        yield compressor.compress(line)
    yield compressor.flush()


def _line(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"


def _plain(value: object) -> object:
    """A value of the database in JSON: bytes as ``x`` and hex, text after a ``t``."""
    if isinstance(value, bytes):
        return "x" + value.hex()
    return "t" + value if isinstance(value, str) else value


def _value(plain: Any) -> object:
    if not isinstance(plain, str):
        return plain
    return bytes.fromhex(plain[1:]) if plain[0] == "x" else plain[1:]


class _Stream(io.RawIOBase):
    """What an iterator yields, to be read."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._left = memoryview(b"")

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fills a part of ``buffer``; 0 at the end."""
        while not self._left:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._left = memoryview(piece)
        count = min(len(buffer), len(self._left))
        buffer[:count], self._left = self._left[:count], self._left[count:]
        return count


# --- reading ----------------------------------------------------------------------------------------------------------


def opened(source: BinaryIO, plain: BinaryIO, *, password: str, identity: str | None) -> "Backup":
    """Decrypts the backup in ``source`` into ``plain``, an empty file.

    Args:
        source: From its start, seekable.
        plain: A file that no one else sees.
        password: Of the vault that the backup holds.
        identity: Of the recipient that it was made for, ``AGE-SECRET-KEY-1...``.

    Raises:
        BackupInvalid: It is no backup, or damaged.
        PasswordWrong: The password does not open it.
        KeysError: Opening it takes more work than this machine does in seconds.
        EnvelopeInvalid: The identity does not open it.
    """
    magic, _, rest = source.readline(_MOST_HEAD).partition(b" ")
    kind, _, locked = rest.rstrip(b"\n").partition(b" ")
    if magic != _MAGIC or kind not in (b"password", b"recipient"):
        raise BackupInvalid(f"expected a backup that starts with {_MAGIC.decode()}, got another start", hint=_HINT)
    if kind == b"password":
        identity = _unlocked(locked, password)
    elif identity is None:
        raise BackupInvalid("expected the identity of the backup's recipient, got none", hint="--identity FILE")
    envelope.decrypt_with(identity, source, plain)
    return Backup(plain)


def _unlocked(locked: bytes, password: str) -> str:
    try:
        return passphrase.decrypt(bytes.fromhex(locked.decode()), password).decode()
    except PasswordWrong:
        hint = "it is the password that the oracle's keys had when the backup was made"
        raise PasswordWrong("the password does not open the backup", hint=hint) from None
    except ValueError:
        raise BackupInvalid("expected a backup, its first line is damaged", hint=_HINT) from None


class Backup:
    """A decrypted backup.

    Args:
        plain: Its gzip stream.

    Attributes:
        manifest: What it is.
        vault: The files of the keys.

    Raises:
        BackupInvalid: It is damaged.
    """

    def __init__(self, plain: BinaryIO) -> None:
        self._plain = plain
        lines = self._lines()
        try:
            self.manifest = Manifest(**next(lines))
            self.vault: dict[str, str] = next(lines)["vault"]
        except (StopIteration, TypeError, KeyError) as error:
            raise BackupInvalid(f"expected a manifest and keys, got another start: {error!r}", hint=_HINT) from None

    def check(self, tag: Tag) -> None:
        """Reads all of it, and compares its hash and its tag.

        Raises:
            BackupInvalid: They differ, or its end is missing.
        """
        digest, last = hashlib.sha256(), b""
        for line in self._raw():
            digest.update(last)
            last = line
        try:
            end = json.loads(last)
            is_whole = end["sha256"] == digest.hexdigest()
            is_own = hmac.compare_digest(bytes.fromhex(end["tag"]), tag(digest.digest()))
        except (ValueError, TypeError, KeyError):
            is_whole = is_own = False
        if not is_whole or not is_own:
            fault = "made with the keys that it holds" if is_whole else "that is whole"
            raise BackupInvalid(f"expected a backup {fault}, its last line says otherwise", hint=_HINT)

    def tables(self) -> Iterator[tuple[str, list[str], Iterator[Row]]]:
        """Name, columns and rows of each table; the next table skips the rows that were not asked for."""
        lines = self._lines()
        next(lines), next(lines)
        head = next(lines)
        while "table" in head:
            after: list[dict[str, Any]] = []
            rows = _rows(lines, after)
            yield head["table"], head["columns"], rows
            for _ in rows:  # those that were not asked for
                continue
            (head,) = after

    def _raw(self) -> Iterator[bytes]:
        self._plain.seek(0)
        try:
            with gzip.GzipFile(fileobj=self._plain, mode="rb") as file:
                yield from file
        except (OSError, EOFError, zlib.error) as error:
            if getattr(error, "errno", None) is not None:
                raise
            raise BackupInvalid(f"expected a backup that is whole: {error}", hint=_HINT) from None

    def _lines(self) -> Iterator[Any]:
        for line in self._raw():
            try:
                yield json.loads(line)
            except ValueError as error:
                raise BackupInvalid(f"expected a backup of JSON lines: {error}", hint=_HINT) from None


def _rows(lines: Iterator[Any], after: list[dict[str, Any]]) -> Iterator[Row]:
    """The rows up to the next line that is none, which is put into ``after``."""
    for line in lines:
        if not isinstance(line, list):
            after.append(line)
            return
        yield tuple(map(_value, line))
