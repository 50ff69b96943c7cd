"""Unfinished files: what an interruption leaves, what the next run makes of it, and what is never lost."""

import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from assay import resumable as module
from assay.errors import DataChanged, DiskError, UsageError
from assay.resumable import Partial, check_room, part_path, resumable

pytestmark = pytest.mark.unit

MADE_OF = {"source": "a"}


def ends(batches: int) -> int:
    return 10 * batches


def whole(tail: range) -> int:
    """Nothing of the tail is damaged."""
    return tail.stop


def state_of(path: Path) -> dict[str, object]:
    content = path.with_name(f".{path.name}.state").read_bytes()
    found: dict[str, object] = json.loads(content[:512])
    return found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file"


@contextmanager
def ended(path: Path, error: BaseException | None = None) -> Iterator[Partial]:
    """A run that ends by ``error``, by default Ctrl-C, after the context."""
    error = error or KeyboardInterrupt()
    with suppress(type(error)), resumable(path) as partial:
        yield partial
        raise error


def write(partial: Partial, batches: int) -> None:
    """Writes batches of ten bytes."""
    partial.restart(MADE_OF)
    for number in range(1, batches + 1):
        partial.file.write(b"0123456789")
        partial.batch_done(number)


def interrupt(path: Path, batches: int = 3, error: BaseException | None = None) -> None:
    with ended(path, error) as partial:
        write(partial, batches)


def test_file_appears_whole(path: Path) -> None:
    with resumable(path) as partial:
        partial.restart(MADE_OF)
        partial.file.write(b"content")
        assert not path.exists()
    assert path.read_bytes() == b"content"
    assert [one.name for one in path.parent.iterdir()] == ["file"]
    assert path.stat().st_mode & 0o777 == 0o600


def test_interrupted_file_is_resumed(path: Path) -> None:
    interrupt(path)
    assert state_of(path)["written"] == 3
    assert not path.exists()
    with resumable(path) as partial:
        assert partial.resume(MADE_OF, ends, whole) == 3
        partial.file.seek(30)
        partial.file.write(b"end")
    assert path.read_bytes() == b"0123456789" * 3 + b"end"


def test_notes_are_kept(path: Path) -> None:
    with ended(path) as partial:
        partial.restart(MADE_OF, b"first" * 20)
        assert partial.notes == b"first" * 20
        partial.restart(MADE_OF)
        for number in range(1, 4):
            partial.file.write(b"0123456789")
            partial.batch_done(number, bytes([number]) * 32)
    with ended(path) as partial:
        assert partial.resume(MADE_OF, ends, whole) == 3
        assert partial.notes == b"\1" * 32 + b"\2" * 32 + b"\3" * 32


def test_what_is_made_of_something_else_is_not_resumed(path: Path) -> None:
    interrupt(path)
    with resumable(path) as partial:
        assert partial.resume({"source": "b"}, ends, whole) is None
        partial.restart({"source": "b"})
        partial.file.write(b"new")
    assert path.read_bytes() == b"new"


def test_file_that_lost_bytes_is_not_resumed(path: Path) -> None:
    interrupt(path)
    with part_path(path).open("r+b") as file:
        file.truncate(29)
    with ended(path) as partial:
        assert partial.resume(MADE_OF, ends, whole) is None


def test_after_a_crash_of_the_machine_only_what_was_synced_counts(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SYNC_EVERY", 2)
    with ended(path) as partial:
        write(partial, 2)
        while partial.state is not None and partial.state.synced == 0:
            partial.batch_done(2)
        for number in range(3, 6):
            partial.file.write(b"0123456789")
            partial.batch_done(number)
    synced, written = state_of(path)["synced"], state_of(path)["written"]
    assert (synced in (2, 4), written) == (True, 5)
    monkeypatch.setattr(module, "boot_id", lambda: "another")
    with ended(path) as partial:
        assert partial.resume(MADE_OF, ends, whole) == synced
    assert state_of(path)["written"] == synced


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b"\xff", b'{"made_of":1,"written":1,"synced":1,"boot":""}'])
def test_state_that_cannot_be_read_is_no_state(path: Path, content: bytes) -> None:
    interrupt(path)
    path.with_name(".file.state").write_bytes(content)
    with ended(path) as partial:
        assert partial.state is None


def test_state_of_a_file_that_is_complete_serves_no_other(path: Path) -> None:
    """A crash between the last rename and the deletion of the state."""
    interrupt(path)
    part_path(path).replace(path)
    with ended(path) as partial:
        assert partial.state is None


def test_refused_content_is_deleted(path: Path) -> None:
    interrupt(path, error=DataChanged("the source changed"))
    assert list(path.parent.iterdir()) == []


def test_run_that_wrote_nothing_leaves_nothing(path: Path) -> None:
    interrupt(path, 0)
    assert list(path.parent.iterdir()) == []


def test_full_disk_keeps_what_was_written(path: Path) -> None:
    def fill() -> None:
        with resumable(path) as partial:
            write(partial, 1)
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(DiskError, match="No space left") as raised:
        fill()
    assert str(part_path(path)) in str(raised.value.hint)
    assert state_of(path)["written"] == 1


def test_two_runs_do_not_write_one_file(path: Path) -> None:
    with resumable(path) as partial:
        partial.restart(MADE_OF)
        with pytest.raises(UsageError, match="another command is writing"), resumable(path):
            pass
        partial.file.write(b"content")
    assert path.read_bytes() == b"content"


def test_room_is_checked_before_anything_is_written(tmp_path: Path) -> None:
    check_room(tmp_path, 1)
    with pytest.raises(DiskError, match="expected room for 1152921504606846976 bytes"):
        check_room(tmp_path, 2**60)


def test_large_file_leaves_the_page_cache(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    advised: list[int] = []
    monkeypatch.setattr(os, "posix_fadvise", lambda *arguments: advised.append(arguments[3]))
    for most, expected in ((29, {os.POSIX_FADV_DONTNEED}), (30, set())):
        monkeypatch.setattr(module, "MOST_CACHED_BYTES", most)
        advised.clear()
        with resumable(path) as partial:
            write(partial, 3)
        assert set(advised) == expected
        assert path.read_bytes() == b"0123456789" * 3
        path.unlink()


def test_batches_that_were_not_flushed_are_checked(path: Path) -> None:
    asked: list[range] = []

    def first_damaged(tail: range) -> int:
        asked.append(tail)
        return 1

    interrupt(path)
    with ended(path) as partial:
        assert partial.resume(MADE_OF, ends, first_damaged) == 1
    assert asked == [range(3)]
    with ended(path) as partial:
        assert partial.resume(MADE_OF, ends, first_damaged) == 1, "what a run resumed with is on disk"
    assert len(asked) == 1


@pytest.mark.parametrize("links", [True, False])
def test_file_that_appears_meanwhile_is_kept(path: Path, links: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not links:
        without_links(monkeypatch)

    def run() -> None:
        with resumable(path) as partial:
            write(partial, 3)
            path.write_bytes(b"another's")

    with pytest.raises(UsageError, match="appeared while it was written"):
        run()
    assert path.read_bytes() == b"another's"
    path.unlink()
    with resumable(path) as partial:
        assert partial.resume(MADE_OF, ends, whole) == 3
    assert path.read_bytes() == b"0123456789" * 3
    assert [one.name for one in path.parent.iterdir()] == ["file"]


def without_links(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", refuse)


@pytest.mark.parametrize("name", [".file.part", ".file.state"])
def test_link_that_another_account_may_have_made_is_not_followed(path: Path, name: str) -> None:
    interrupt(path)
    victim = path.with_name("victim")
    victim.write_bytes(b"content")
    path.with_name(name).unlink()
    path.with_name(name).symlink_to(victim)
    with pytest.raises(UsageError, match="expected a file of this account"), resumable(path):
        pass
    assert victim.read_bytes() == b"content"


def test_file_of_another_account_is_not_written_to(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupt(path)
    before, own = part_path(path).read_bytes(), os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: own + 1)
    with pytest.raises(UsageError, match="expected a file of this account"), resumable(path):
        pass
    assert part_path(path).read_bytes() == before


def test_pipe_in_place_of_the_file_is_refused(path: Path) -> None:
    os.mkfifo(part_path(path))
    with pytest.raises(UsageError, match="no regular file"), resumable(path):
        pass


def test_second_name_of_a_complete_file_is_not_written_to(path: Path) -> None:
    """A crash between the two steps in which the file appears; then the file was moved."""
    interrupt(path)
    complete = path.with_name("complete")
    complete.hardlink_to(part_path(path))
    with resumable(path) as partial:
        assert partial.state is None
        partial.restart(MADE_OF)
        partial.file.write(b"new")
    assert (complete.read_bytes(), path.read_bytes()) == (b"0123456789" * 3, b"new")
    assert {one.name for one in path.parent.iterdir()} == {"file", "complete"}


def test_disk_without_locks_resumes_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another command may be writing what is there; a new file is this one's alone."""

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(module.fcntl, "flock", refuse)
    interrupt(path)
    before = part_path(path).read_bytes()
    with pytest.raises(UsageError, match="has no locks") as raised, resumable(path):
        pass
    assert part_path(path).read_bytes() == before
    assert f"delete {part_path(path)}" in str(raised.value.hint)
    part_path(path).unlink()
    with resumable(path) as partial:
        write(partial, 1)
    assert path.read_bytes() == b"0123456789"
