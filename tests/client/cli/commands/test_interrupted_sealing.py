"""``assay seal`` and ``assay open`` interrupted, and run again: no byte is lost, and none is encrypted to two texts."""

import hashlib
import json
import os
import resource
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from assay.protocol.tree import Layout
from assay.resumable import Partial
from tests.kit.sealing import names, run

pytestmark = pytest.mark.unit


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "data.csv"
    path.write_bytes(b"x,y\n1,0\n" * 1000)
    return path


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
