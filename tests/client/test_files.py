"""Files that survive a crash: cut off at any line, the old content is there, or the new."""

import errno
import os
import signal
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from assay import files

pytestmark = pytest.mark.unit
cut_off_files_stay_open = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


class Crash(BaseException):
    """The power goes."""


def crash_at(line: int, call: Callable[[], None]) -> bool:
    """Runs ``call`` and cuts it off at its ``line``-th line inside ``assay.files``; False if it ended before that."""
    seen = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal seen
        if frame.f_code.co_filename != files.__file__:
            return None
        if event == "line":
            seen += 1
            if seen == line:
                raise Crash
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    except Crash:
        return True
    finally:
        sys.settrace(before)
    return False


def test_long_file_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "file"

    def half() -> None:
        with files.whole_file(path) as target:
            target.write(b"half")
            raise Crash

    with pytest.raises(Crash):
        half()
    assert list(tmp_path.iterdir()) == []
    with files.whole_file(path) as target:
        target.write(b"who")
        assert not path.exists()
        target.write(b"le")
    assert path.read_bytes() == b"whole"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("old", [b"old", None], ids=["replaced", "new"])
@cut_off_files_stay_open
def test_crash_at_any_line_leaves_the_old_content_or_the_new(tmp_path: Path, old: bytes | None) -> None:
    path = tmp_path / "file"
    line, found = 1, set()
    while True:
        path.unlink(missing_ok=True)
        if old is not None:
            path.write_bytes(old)
        cut = crash_at(line, lambda: files.write_whole(path, b"new content"))
        found.add(path.read_bytes() if path.exists() else None)
        if not cut:
            break
        line += 1
    assert line > 10
    assert found == {old, b"new content"}


def test_write_new_never_replaces(tmp_path: Path) -> None:
    path = tmp_path / "file"
    files.write_new(path, b"first")
    with pytest.raises(FileExistsError):
        files.write_new(path, b"second")
    assert path.read_bytes() == b"first"
    assert list(tmp_path.iterdir()) == [path]


@cut_off_files_stay_open
def test_crash_at_any_line_leaves_a_new_file_whole_or_absent(tmp_path: Path) -> None:
    path = tmp_path / "file"
    line = 1
    while crash_at(line, lambda: files.write_new(path, b"content")):
        assert not path.exists() or path.read_bytes() == b"content"
        path.unlink(missing_ok=True)
        line += 1
    assert path.read_bytes() == b"content"


@pytest.mark.skipif(not hasattr(os, "O_TMPFILE"), reason="files without a name are Linux's")
def test_a_kill_at_any_line_leaves_a_new_file_whole_or_nothing_at_all(tmp_path: Path) -> None:
    """A key must not stay behind under a temporary name."""
    path, line, ended = tmp_path / "file", 1, False
    while not ended:
        child = os.fork()
        if not child:
            kill_at(line)
            files.write_new(path, b"key")
            os._exit(0)
        ended = os.waitpid(child, 0)[1] == 0
        left = {each.name: each.read_bytes() for each in tmp_path.iterdir()}
        assert left in ({}, {"file": b"key"})
        path.unlink(missing_ok=True)
        line += 1
    assert (line > 10, left) == (True, {"file": b"key"})


def kill_at(line: int) -> None:
    """Kills this process at its ``line``-th line inside ``assay.files``."""
    seen = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal seen
        if frame.f_code.co_filename != files.__file__:
            return None
        seen += event == "line"
        if seen == line:
            os.kill(os.getpid(), signal.SIGKILL)
        return trace

    sys.settrace(trace)


@pytest.mark.parametrize("code", [errno.EISDIR, errno.EOPNOTSUPP], ids=errno.errorcode.get)
def test_a_new_file_needs_no_files_without_a_name(tmp_path: Path, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = os.open

    def refuse_folders(path: Any, flags: int, *rest: Any, **options: Any) -> int:
        if Path(path).is_dir() and flags & os.O_RDWR:
            raise OSError(code, os.strerror(code))
        return opened(path, flags, *rest, **options)

    monkeypatch.setattr(files.os, "open", refuse_folders)
    monkeypatch.chdir(tmp_path)
    files.write_new(Path("file"), b"content", mode=0o644)
    with pytest.raises(FileExistsError):
        files.write_new(Path("file"), b"other")
    assert [(each.read_bytes(), mode_of(each)) for each in tmp_path.iterdir()] == [(b"content", 0o644)]


def test_mode_is_private_whatever_was_there(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    path.chmod(0o644)
    files.write_whole(path, b"new")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_failed_write_leaves_nothing_beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", fail)
    with pytest.raises(OSError, match="No space"):
        files.write_whole(tmp_path / "file", b"new")
    assert list(tmp_path.iterdir()) == []


# --- privacy ----------------------------------------------------------------------------------------------------------

UMASKS = (0o000, 0o022, 0o277, 0o777)


@pytest.fixture(params=UMASKS, ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    """What a user's shell, or a service manager, may have set."""
    before = os.umask(request.param)
    yield
    os.umask(before)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.usefixtures("umask")
def test_folders_that_are_made_are_private_and_others_stay_as_they_are(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    files.private_folder(tmp_path / "home" / "purchases")
    files.private_folder(tmp_path / "home" / "purchases")
    assert [mode_of(path) for path in (tmp_path, tmp_path / "home", tmp_path / "home" / "purchases")] == [
        0o755,
        0o700,
        0o700,
    ]


def test_file_in_a_folders_place(tmp_path: Path) -> None:
    (tmp_path / "home").touch()
    with pytest.raises(FileExistsError):
        files.private_folder(tmp_path / "home")


@pytest.mark.usefixtures("umask")
@pytest.mark.parametrize("mode", ["wb", "ab", "w+b"])
def test_file_is_private_before_anything_is_in_it(tmp_path: Path, mode: str) -> None:
    new, old = tmp_path / "new", tmp_path / "old"
    old.touch()
    old.chmod(0o644)
    for path in (new, old):
        with files.private_file(path, mode) as file:
            assert mode_of(path) == 0o600
            file.write(b"secret")


@pytest.mark.usefixtures("umask")
def test_every_way_of_writing_is_private_at_every_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    sync = files.os.fsync

    def spy(descriptor: int) -> None:
        seen.extend(mode_of(path) for path in tmp_path.iterdir())
        sync(descriptor)

    monkeypatch.setattr(files.os, "fsync", spy)
    with files.whole_file(tmp_path / "whole") as file:
        file.write(b"secret")
        seen.extend(mode_of(path) for path in tmp_path.iterdir())
    files.write_new(tmp_path / "new", b"secret")
    files.write_whole(tmp_path / "replaced", b"secret")
    assert set(seen) == {0o600}
    assert {path.name for path in tmp_path.iterdir()} == {"whole", "new", "replaced"}
