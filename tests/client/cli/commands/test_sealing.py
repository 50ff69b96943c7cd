"""``assay seal`` and ``assay open``: nothing is overwritten, no half is left, failed commands can be repeated."""

import errno
import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from assay.cli.terminal import progress
from assay.errors import UsageError
from assay.protocol.tree import CHUNK_SIZES
from assay.sealed_files import seal_file
from tests.kit.sealing import names, run

pytestmark = pytest.mark.unit


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "data.csv"
    path.write_bytes(b"x,y\n1,0\n" * 1000)
    return path


@pytest.mark.parametrize("chunk_size", CHUNK_SIZES)
def test_sealed_opens_again(data: Path, chunk_size: int) -> None:
    sealed = json.loads(run("seal", data, "--chunk-size", chunk_size, "--json").stdout)
    opened = json.loads(
        run("open", sealed["sealed"], "--key", sealed["key"], "--out", data.parent / "opened", "--json").stdout
    )
    assert (data.parent / "opened").read_bytes() == data.read_bytes()
    assert opened["data_root"] == sealed["data_root"]
    assert names(data.parent) == {"data.csv", "data.csv.sealed", "data.csv.key", "opened"}
    assert stat.S_IMODE(Path(sealed["key"]).stat().st_mode) == 0o600


def test_key_is_told_to_nobody(data: Path) -> None:
    result = run("seal", data)
    key = (data.parent / "data.csv.key").read_text().strip()
    assert key not in result.stdout + result.stderr


def test_sealing_again_overwrites_nothing(data: Path) -> None:
    run("seal", data)
    key = (data.parent / "data.csv.key").read_bytes()
    result = run("seal", data)
    assert (result.exit_code, "exists" in result.stderr, "hint:" in result.stderr) == (2, True, True)
    assert (data.parent / "data.csv.key").read_bytes() == key


def test_data_and_key_go_into_two_files(data: Path) -> None:
    result = run("seal", data, "--out", data.parent / "x", "--key-out", data.parent / "." / "x")
    assert (result.exit_code, "expected two files" in result.stderr) == (2, True)
    assert names(data.parent) == {"data.csv"}


def test_failed_seal_leaves_nothing_and_can_be_repeated(tmp_path: Path) -> None:
    data = tmp_path / "data.csv"
    data.touch()
    result = run("seal", data)
    assert result.exit_code == 1
    assert "error: expected data to seal, got 0 bytes\nhint: offer a file with records\n" in result.stderr
    assert names(tmp_path) == {"data.csv"}
    data.write_bytes(b"content")
    assert run("seal", data).exit_code == 0


@pytest.mark.parametrize(
    "command",
    [("seal",), ("open", "--key", os.devnull, "--out", "out"), ("verify",), ("check",), ("sell",), ("quote",)],
    ids=lambda command: command[0],
)
def test_a_pipe_that_nobody_writes_to_is_refused_at_once(tmp_path: Path, command: tuple[str, ...]) -> None:
    os.mkfifo(tmp_path / "pipe")
    result = run(*command, tmp_path / "pipe")
    assert f"expected a regular file, got the pipe or device {tmp_path / 'pipe'}" in result.stderr
    assert "hint: write it to a file first" in result.stderr
    assert result.exit_code == 2


def test_the_library_refuses_a_pipe_that_nobody_writes_to(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match="expected a regular file"):
        seal_file(tmp_path / "pipe", tmp_path / "out", tmp_path / "key", CHUNK_SIZES[0], progress)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda content: content[:-1], "expected a sealed file of"),
        (lambda content: content[:70], "expected an index that ends at byte"),
        (lambda content: b"PAR1" + content, "expected a sealed file that starts with"),
        (lambda content: content[:-1] + bytes([content[-1] ^ 1]), "not the committed one"),
        (lambda content: content[:100] + bytes([content[100] ^ 1]) + content[101:], "commits to"),
        (lambda _: b"", "expected a sealed file that starts with"),
    ],
    ids=["truncated", "no_index", "foreign", "chunk", "index", "empty"],
)
def test_sealed_file_that_is_not_right(data: Path, spoil: object, said: str) -> None:
    run("seal", data)
    sealed = data.parent / "data.csv.sealed"
    sealed.write_bytes(spoil(sealed.read_bytes()))  # type: ignore[operator]
    result = run("open", sealed, "--key", data.parent / "data.csv.key", "--out", data.parent / "opened")
    assert result.exit_code == 1
    assert said in result.stderr
    assert "\nhint: " in result.stderr
    assert names(data.parent) == {"data.csv", "data.csv.sealed", "data.csv.key"}


@pytest.mark.parametrize(
    ("key", "said"),
    [
        (b"00" * 32, "does not open chunk 0"),
        (b"00" * 31, "expected a key of 32 bytes, got 31"),
        (b"", "expected a key of 32 bytes, got 0"),
        (b"not hex", "expected a key of 32 bytes in hex"),
        (b"\xff\xfe", "expected a key of 32 bytes in hex"),
    ],
    ids=["another", "short", "empty", "text", "binary"],
)
def test_wrong_key(data: Path, key: bytes, said: str) -> None:
    run("seal", data)
    (data.parent / "other.key").write_bytes(key)
    result = run(
        "open", data.parent / "data.csv.sealed", "--key", data.parent / "other.key", "--out", data.parent / "opened"
    )
    assert (result.exit_code, said in result.stderr) == (1, True), result.stderr
    assert not (data.parent / "opened").exists()


def test_opening_overwrites_nothing(data: Path) -> None:
    run("seal", data)
    result = run("open", data.parent / "data.csv.sealed", "--key", data.parent / "data.csv.key", "--out", data)
    assert (result.exit_code, "exists" in result.stderr) == (2, True)


def test_folder_that_is_not_there(data: Path) -> None:
    result = run("seal", data, "--out", data.parent / "none" / "x")
    assert result.exit_code == 1
    assert "No such file or directory" in result.stderr
    assert names(data.parent) == {"data.csv"}


def test_disk_without_room(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    full = SimpleNamespace(f_bavail=1, f_frsize=4096)
    monkeypatch.setattr(os, "statvfs", lambda _: full)
    result = run("seal", data)
    assert (result.exit_code, "found 4096" in result.stderr, "make room" in result.stderr) == (1, True, True)
    assert names(data.parent) == {"data.csv"}


@pytest.mark.parametrize("refused", ["data.csv", ".data.csv.sealed.part", "data.csv.key", ".data.csv.sealed.state"])
def test_sealing_without_permission_leaves_nothing(data: Path, refused: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        refuse(patch, data.parent / refused)
        result = run("seal", data)
    assert (result.exit_code, "Permission denied" in result.stderr) == (1, True)
    assert names(data.parent) == {"data.csv"}
    assert run("seal", data).exit_code == 0


@pytest.mark.parametrize("refused", ["data.csv.sealed", "data.csv.key", ".opened.part"])
def test_opening_without_permission_leaves_nothing(data: Path, refused: str, monkeypatch: pytest.MonkeyPatch) -> None:
    run("seal", data)
    before = names(data.parent)
    arguments = ("open", f"{data}.sealed", "--key", f"{data}.key", "--out", data.parent / "opened")
    with monkeypatch.context() as patch:
        refuse(patch, data.parent / refused)
        result = run(*arguments)
    assert (result.exit_code, "Permission denied" in result.stderr) == (1, True)
    assert names(data.parent) == before
    assert run(*arguments).exit_code == 0


def refuse(patch: pytest.MonkeyPatch, path: Path) -> None:
    """Refuses access to one file, as to an account without the right; the tests' own account may have all rights."""

    def check(name: object) -> None:
        if name == str(path) or name == path:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))

    def refusing(call: Callable[..., Any]) -> Callable[..., Any]:
        def checked(*arguments: Any, **options: Any) -> Any:
            for name in arguments:
                check(name)
            return call(*arguments, **options)

        return checked

    patch.setattr(os, "open", refusing(os.open))
    patch.setattr(Path, "open", refusing(Path.open))
    patch.setattr(os, "link", refusing(os.link))


# --- verify -----------------------------------------------------------------------------------------------------------


def test_verifies_without_the_key(data: Path) -> None:
    root = json.loads(run("seal", data, "--chunk-size", 1024, "--json").stdout)["data_root"]
    verified = json.loads(run("verify", f"{data}.sealed", "--root", root, "--json").stdout)
    assert (verified["data_root"], verified["first_chunk"], verified["last_chunk"]) == (root, 0, 7)
    other = run("verify", f"{data}.sealed", "--root", "0x" + "00" * 32)
    assert (other.exit_code, "expected root 0x0000" in other.stderr) == (1, True)


def test_verifies_a_range(data: Path) -> None:
    run("seal", data, "--chunk-size", 1024)
    sealed = data.parent / "data.csv.sealed"
    content = bytearray(sealed.read_bytes())
    content[-1] ^= 1
    sealed.write_bytes(content)
    assert "chunks 0 to 6 of 8" in run("verify", sealed, "--chunks", "0-6").stdout
    for chunks in ("7", "3-7"):
        result = run("verify", sealed, "--chunks", chunks)
        assert (result.exit_code, "sealed chunk 7 is not" in result.stderr) == (1, True)


@pytest.mark.parametrize("chunks", ["", "x", "3-", "-3", "4-3", "0-8", "8", "1.5"])
def test_range_that_cannot_be(data: Path, chunks: str) -> None:
    run("seal", data, "--chunk-size", 1024)
    result = run("verify", f"{data}.sealed", "--chunks", chunks)
    assert (result.exit_code, "expected --chunks" in result.stderr) == (2, True)


@pytest.mark.parametrize("root", ["", "0x12", "no hex"])
def test_root_that_cannot_be(data: Path, root: str) -> None:
    run("seal", data)
    result = run("verify", f"{data}.sealed", "--root", root)
    assert (result.exit_code, "expected 32 bytes in hex" in result.stderr) == (2, True)


HEADER_FIELDS = {"magic": 0, "chunk_size": 11, "first_gap": 12, "total_bytes": 23, "root": 24, "second_gap": 63}


@pytest.mark.parametrize("field", HEADER_FIELDS)
@pytest.mark.parametrize("bit", [0, 7])
def test_flipped_bit_in_every_field_of_the_header(data: Path, field: str, bit: int) -> None:
    run("seal", data)
    sealed = data.parent / "data.csv.sealed"
    content = bytearray(sealed.read_bytes())
    content[HEADER_FIELDS[field]] ^= 1 << bit
    sealed.write_bytes(content)
    for command in (
        ("verify", sealed),
        ("open", sealed, "--key", data.parent / "data.csv.key", "--out", data.parent / "opened"),
    ):
        result = run(*command)
        assert result.exit_code == 1
        assert result.stderr.startswith("error: ")
    assert names(data.parent) == {"data.csv", "data.csv.sealed", "data.csv.key"}


@pytest.mark.parametrize("length", [1, 4079, 4080, 4081, 8160])
def test_one_byte_one_chunk_and_a_short_last_one(tmp_path: Path, length: int) -> None:
    data = tmp_path / "data.csv"
    data.write_bytes(b"x" * length)
    assert run("seal", data).exit_code == 0
    assert run("verify", f"{data}.sealed").exit_code == 0
    assert run("open", f"{data}.sealed", "--key", f"{data}.key", "--out", tmp_path / "opened").exit_code == 0
    assert (tmp_path / "opened").read_bytes() == b"x" * length
