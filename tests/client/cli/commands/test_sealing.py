"""``assay seal`` and ``assay open``: nothing is overwritten, no half is left, failed commands can be repeated."""

import hashlib
import json
import os
import resource
import signal
import stat
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner, Result

from assay.cli.main import main
from assay.protocol.tree import CHUNK_SIZES, Layout
from assay.resumable import Partial

pytestmark = pytest.mark.unit


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "data.csv"
    path.write_bytes(b"x,y\n1,0\n" * 1000)
    return path


def run(*arguments: object) -> Result:
    result = CliRunner(mix_stderr=False).invoke(main, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


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
    assert "error: expected data to seal, got 0 bytes\n" in result.stderr
    assert names(tmp_path) == {"data.csv"}
    data.write_bytes(b"content")
    assert run("seal", data).exit_code == 0


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


# --- what was interrupted ---------------------------------------------------------------------------------------------


@pytest.fixture
def large(tmp_path: Path) -> Path:
    path = tmp_path / "data.csv"
    path.write_bytes(hashlib.shake_256(b"data").digest(4 * 2**20))
    return path


@pytest.fixture
def interrupts(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Makes the next command end after so many batches, as by Ctrl-C."""
    batch_done = Partial.batch_done

    def after(count: int) -> None:
        def stop(partial: Partial, done: int, note: bytes) -> None:
            batch_done(partial, done, note)
            if done == count:
                monkeypatch.setattr(Partial, "batch_done", batch_done)
                raise KeyboardInterrupt

        monkeypatch.setattr(Partial, "batch_done", stop)

    return after


def test_interrupted_seal_resumes_under_its_key(large: Path, interrupts: Callable[[int], None]) -> None:
    interrupts(2)
    assert run("seal", large).exit_code == 130
    key = (large.parent / "data.csv.key").read_bytes()
    part = (large.parent / ".data.csv.sealed.part").read_bytes()
    assert not (large.parent / "data.csv.sealed").exists()
    assert run("seal", large).exit_code == 0
    sealed = (large.parent / "data.csv.sealed").read_bytes()
    assert (large.parent / "data.csv.key").read_bytes() == key
    body = Layout.of_data(4 * 2**20, 4096).body_offset
    assert sealed[body : body + 2 * 2**20] == part[body : body + 2 * 2**20]
    assert names(large.parent) == {"data.csv", "data.csv.sealed", "data.csv.key"}
    assert run("open", f"{large}.sealed", "--key", f"{large}.key", "--out", large.parent / "opened").exit_code == 0
    assert (large.parent / "opened").read_bytes() == large.read_bytes()


def test_file_that_changed_since_the_interruption_is_sealed_anew(
    large: Path, interrupts: Callable[[int], None]
) -> None:
    interrupts(2)
    run("seal", large)
    key = (large.parent / "data.csv.key").read_bytes()
    large.write_bytes(bytes(4 * 2**20))
    assert run("seal", large).exit_code == 0
    assert (large.parent / "data.csv.key").read_bytes() != key
    assert run("open", f"{large}.sealed", "--key", f"{large}.key", "--out", large.parent / "opened").exit_code == 0
    assert (large.parent / "opened").read_bytes() == bytes(4 * 2**20)


def test_file_that_changed_under_its_old_time_is_sealed_anew(large: Path, interrupts: Callable[[int], None]) -> None:
    """Two texts under one stream of the cipher would tell their difference."""
    interrupts(2)
    run("seal", large)
    key, before = (large.parent / "data.csv.key").read_bytes(), large.stat()
    with large.open("r+b") as file:
        file.write(b"other")
    os.utime(large, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert run("seal", large).exit_code == 0
    assert (large.parent / "data.csv.key").read_bytes() != key


def rewrite_state(out: Path, change: Callable[[dict[str, Any]], None]) -> None:
    path = out.with_name(f".{out.name}.state")
    content = path.read_bytes()
    state = json.loads(content[:512])
    change(state)
    path.write_bytes(json.dumps(state).encode().ljust(512) + content[512:])


def lose_count(out: Path, *, source: Path | None = None) -> None:
    """A kill before the second batch was recorded; a change of ``source`` by memory map, which no time shows."""

    def change(state: dict[str, Any]) -> None:
        state["written"] = state["synced"] = 1
        if source is not None:
            found = source.stat()
            state["made_of"] |= {"modified": str(found.st_mtime_ns), "changed": str(found.st_ctime_ns)}

    rewrite_state(out, change)


def test_no_part_of_the_stream_encrypts_two_texts(large: Path, interrupts: Callable[[int], None]) -> None:
    interrupts(2)
    run("seal", large)
    out = large.parent / "data.csv.sealed"
    content = bytearray(large.read_bytes())
    content[2**20 + 5000] ^= 1
    large.write_bytes(content)
    lose_count(out, source=large)
    result = run("seal", large)
    assert (result.exit_code, "altered since its sealing was interrupted" in result.stderr) == (1, True)
    assert "sealed anew, under another key" in result.stderr
    assert names(large.parent) == {"data.csv"}
    assert run("seal", large).exit_code == 0


def test_same_text_is_encrypted_to_the_same(large: Path, interrupts: Callable[[int], None]) -> None:
    """Salts that were drawn anew would be a second text."""
    interrupts(2)
    run("seal", large)
    out = large.parent / "data.csv.sealed"
    part = out.with_name(".data.csv.sealed.part").read_bytes()
    lose_count(out)
    assert run("seal", large).exit_code == 0
    body = Layout.of_data(4 * 2**20, 4096).body_offset
    assert out.read_bytes()[body : body + 2 * 2**20] == part[body : body + 2 * 2**20]


def test_hole_that_a_crash_of_the_machine_left_is_filled(large: Path, interrupts: Callable[[int], None]) -> None:
    """A sector that never reached the disk is zeros, behind what was flushed; it holds no other text."""
    interrupts(3)
    run("seal", large)
    out = large.parent / "data.csv.sealed"
    lose_count(out)
    punch(out, Layout.of_data(4 * 2**20, 4096).body_offset + 2**20 + 8192)
    assert run("seal", large).exit_code == 0
    check_opens(large)


def punch(out: Path, offset: int) -> None:
    with out.with_name(f".{out.name}.part").open("r+b") as file:
        file.seek(-(-offset // 512) * 512)
        file.write(bytes(4096))


def check_opens(large: Path) -> None:
    again = large.parent / "again"
    assert run("open", f"{large}.sealed", "--key", f"{large}.key", "--out", again).exit_code == 0
    assert again.read_bytes() == large.read_bytes()


@pytest.mark.parametrize("hole", [2**20 + 9000, 2 * 2**20 + 9000])
def test_hole_in_what_was_not_flushed_is_found(large: Path, interrupts: Callable[[int], None], hole: int) -> None:
    """A file server crashed, and this machine did not: its boot id is the same."""
    interrupts(3)
    run("seal", large)
    sealed, opened = large.parent / "data.csv.sealed", large.parent / "opened"
    punch(sealed, Layout.of_data(4 * 2**20, 4096).body_offset + hole)
    assert run("seal", large).exit_code == 0
    check_opens(large)
    interrupts(3)
    arguments = ("open", sealed, "--key", f"{large}.key", "--out", opened)
    assert run(*arguments).exit_code == 130
    punch(opened, hole)
    assert run(*arguments).exit_code == 0
    assert opened.read_bytes() == large.read_bytes()


@pytest.mark.parametrize("name", [".out.part", ".out.state"])
@pytest.mark.parametrize("command", [("seal", "--key-out", "key"), ("open", "--key", "key")])
def test_source_that_is_a_work_file_of_the_output_is_kept(
    data: Path, name: str, command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(data.parent)
    Path("key").write_text("00" * 32)
    Path(name).write_bytes(b"content")
    if command[0] == "seal":
        Path("key").unlink()
    result = run(command[0], name, *command[1:], "--out", "out")
    assert (result.exit_code, "unfinished file" in result.stderr) == (2, True)
    assert Path(name).read_bytes() == b"content"


def test_interrupted_seal_replaces_no_other_key(large: Path, interrupts: Callable[[int], None]) -> None:
    interrupts(2)
    run("seal", large)
    (large.parent / "data.csv.key").write_bytes(b"00" * 32)
    result = run("seal", large)
    assert (result.exit_code, "data.csv.key exists" in result.stderr) == (2, True)
    assert (large.parent / "data.csv.key").read_bytes() == b"00" * 32


def test_key_of_a_complete_file_that_was_moved_away_is_kept(large: Path) -> None:
    run("seal", large)
    (large.parent / "data.csv.sealed").rename(large.parent / "elsewhere")
    key = (large.parent / "data.csv.key").read_bytes()
    assert run("seal", large).exit_code == 2
    assert (large.parent / "data.csv.key").read_bytes() == key


def test_file_that_changes_while_it_is_sealed(large: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    batch_done = Partial.batch_done

    def touch(partial: Partial, done: int, note: bytes) -> None:
        os.utime(large, ns=(1, done))
        batch_done(partial, done, note)

    monkeypatch.setattr(Partial, "batch_done", touch)
    result = run("seal", large)
    assert (result.exit_code, "changed while it was sealed" in result.stderr) == (1, True)
    assert names(large.parent) == {"data.csv"}


def test_interrupted_opening_resumes(large: Path, interrupts: Callable[[int], None]) -> None:
    run("seal", large)
    opened = large.parent / "opened"
    arguments = ("open", f"{large}.sealed", "--key", f"{large}.key", "--out", opened)
    interrupts(3)
    assert run(*arguments).exit_code == 130
    assert not opened.exists()
    assert run(*arguments).exit_code == 0
    assert opened.read_bytes() == large.read_bytes()
    assert names(large.parent) == {"data.csv", "data.csv.sealed", "data.csv.key", "opened"}


def test_disk_without_room(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    full = SimpleNamespace(f_bavail=1, f_frsize=4096)
    monkeypatch.setattr(os, "statvfs", lambda _: full)
    result = run("seal", data)
    assert (result.exit_code, "found 4096" in result.stderr, "make room" in result.stderr) == (1, True, True)
    assert names(data.parent) == {"data.csv"}


def test_disk_that_fills_up(large: Path) -> None:
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3 * 2**20, limit[1]))
    try:
        result = run("seal", large)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, before)
    assert (result.exit_code, "cannot write" in result.stderr, "make room" in result.stderr) == (1, True, True)
    assert not (large.parent / "data.csv.sealed").exists()
    assert run("seal", large).exit_code == 0
    assert run("open", f"{large}.sealed", "--key", f"{large}.key", "--out", large.parent / "opened").exit_code == 0
    assert (large.parent / "opened").read_bytes() == large.read_bytes()


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
