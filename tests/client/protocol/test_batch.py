"""Batches of SHA-256: the compiled functions and their twin give the digests of hashlib, for every length and count."""

import errno
import hashlib
import platform
import runpy
import shutil
import sys
import tempfile
from pathlib import Path
from types import ModuleType

import pytest

from assay.protocol.batch import native, twin

ROOT = Path(__file__).parents[3]
Functions = native.Native | ModuleType


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> str:
    target = tmp_path_factory.mktemp("native") / "digests.so"
    problem = runpy.run_path(str(ROOT / "scripts" / "setup" / "build_native.py"))["compile_native"](target)
    if problem or native.load(str(target)) is None:
        pytest.skip(problem or "the processor lacks the instructions")
    return str(target)


@pytest.fixture(scope="module")
def compiled(library: str) -> native.Native:
    return native.Native(library)


def content(length: int) -> bytes:
    return hashlib.shake_256(b"content").digest(length)


def digests(functions: Functions, data: bytes, size: int, offset: int) -> bytes:
    entries = bytearray(b"\xaa" * 64 * -(-len(data) // size))
    functions.fill_digests(memoryview(bytearray(data)), size, entries, offset)
    return bytes(entries)


def check_digests(functions: Functions) -> None:
    for size in (1, 31, 55, 56, 63, 64, 65, 119, 120, 127, 128, 1024):
        for length in (0, 1, size - 1, size, size + 1, 2 * size - 1, 2 * size, 3 * size, 4 * size + size // 2 + 1):
            for offset in (0, 32):
                data = content(length)
                pieces = [data[start : start + size] for start in range(0, length, size)]
                half, kept = [hashlib.sha256(piece).digest() for piece in pieces], b"\xaa" * 32
                expected = b"".join(kept + one if offset else one + kept for one in half)
                assert digests(functions, data, size, offset) == expected, (size, length, offset)


def top_of(nodes: list[bytes]) -> bytes:
    """As RFC 6962 has it: the left subtree is the largest power of two."""
    if len(nodes) == 1:
        return nodes[0]
    half = 1 << (len(nodes) - 1).bit_length() - 1
    return hashlib.sha256(b"assay/node/v1".ljust(32, b"\0") + top_of(nodes[:half]) + top_of(nodes[half:])).digest()


def check_tree(functions: Functions) -> None:
    def word(number: int) -> bytes:
        return number.to_bytes(32, "big")

    for count in range(1, 12):
        entries = content(64 * count)
        for first, size, last in ((0, 1024, 17), (2**28 - 20, 16384, 16384)):
            expected = [
                hashlib.sha256(
                    b"assay/leaf/v1".ljust(32, b"\0")
                    + word(first + i)
                    + word(last if i == count - 1 else size)
                    + entries[64 * i : 64 * (i + 1)]
                ).digest()
                for i in range(count)
            ]
            assert functions.leaves(first, entries, size, last) == b"".join(expected)
        level = content(32 * count)
        nodes = [
            hashlib.sha256(b"assay/node/v1".ljust(32, b"\0") + level[32 * i : 32 * (i + 2)]).digest()
            for i in range(0, count - 1, 2)
        ]
        assert functions.top(level) == top_of([level[32 * i : 32 * (i + 1)] for i in range(count)])
        assert functions.parents(level) == b"".join(nodes) + (level[-32:] if count % 2 else b"")


def check_join(functions: Functions) -> None:
    for size, skip in ((17, 16), (64, 0), (64, 16), (1024, 16)):
        for length in (0, skip, skip + 1, size, size + skip, 3 * size, 3 * size + skip + 1):
            data = content(length)
            expected = b"".join(data[start + skip : start + size] for start in range(0, length, size))
            for before in (0, 1, 5000):
                memory = memoryview(bytearray(b"\xaa" * before + data + b"\xaa"))
                out = memory[: len(expected)]
                functions.join(memory[before : before + length], size, skip, out)
                assert out == expected, (size, skip, length, before)
                assert memory[-1] == 0xAA


@pytest.mark.unit
def test_twin_gives_the_digests_of_hashlib() -> None:
    check_digests(twin)
    check_tree(twin)
    check_join(twin)


@pytest.mark.integration
def test_compiled_functions_give_the_digests_of_hashlib(compiled: native.Native) -> None:
    check_digests(compiled)
    check_tree(compiled)
    check_join(compiled)


@pytest.mark.integration
def test_compiled_functions_write_nowhere_else(compiled: native.Native) -> None:
    with pytest.raises(ValueError, match="expected 2 entries"):
        compiled.fill_digests(memoryview(bytearray(100)), 64, bytearray(64), 0)
    with pytest.raises(ValueError, match="expected 1 entries"):
        compiled.fill_digests(memoryview(bytearray(64)), 64, bytearray(64), 48)
    for length, room in ((100, 67), (100, 69), (74, 48)):
        with pytest.raises(ValueError, match="expected room"):
            compiled.join(memoryview(bytearray(length)), 64, 16, memoryview(bytearray(room)))


@pytest.mark.unit
def test_library_that_is_not_there_or_foreign_is_not_loaded(tmp_path: Path) -> None:
    assert native.load(str(tmp_path / "none.so")) is None
    (tmp_path / "foreign.so").write_bytes(b"\x7fELF")
    assert native.load(str(tmp_path / "foreign.so")) is None


@pytest.mark.integration
def test_library_of_another_interface_is_not_loaded(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "INTERFACE", native.INTERFACE + 1)
    assert native.load(library) is None


@pytest.mark.integration
def test_library_that_gives_other_digests_is_not_loaded(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(twin, "LEAF_TAG", b"assay/leaf/v2".ljust(32, b"\0"))
    assert native.load(library) is None


@pytest.mark.unit
def test_tree_that_cannot_be_written_to_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    compile_native = runpy.run_path(str(ROOT / "scripts" / "setup" / "build_native.py"))["compile_native"]
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(shutil, "which", lambda _: sys.executable)
    monkeypatch.setattr(tempfile, "TemporaryDirectory", refuse)
    assert compile_native(tmp_path / "digests.so") == f"{tmp_path} cannot be written to: Read-only file system"


@pytest.mark.unit
def test_machine_that_cannot_compile_is_told_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compile_native = runpy.run_path(str(ROOT / "scripts" / "setup" / "build_native.py"))["compile_native"]
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert compile_native(tmp_path / "digests.so") == "no C compiler: none of cc, gcc, clang"
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    assert compile_native(tmp_path / "digests.so") == "no instructions for it on riscv64"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.integration
def test_compiler_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compile_native = runpy.run_path(str(ROOT / "scripts" / "setup" / "build_native.py"))["compile_native"]
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(shutil, "which", lambda _: sys.executable)
    assert "failed" in compile_native(tmp_path / "digests.so")
    assert list(tmp_path.iterdir()) == []
