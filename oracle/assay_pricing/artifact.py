"""A price function on disk: ``tensors.safetensors`` and ``manifest.json``. Data, never code.

The files of its encoders lie in ``encoders``, each named by its SHA-256, which the manifest states. Of a price function
that is refused, ``refused.txt`` says why: the client, which has no part of this package, does not register it.

The remainder is SHA-256 over the canonical JSON of the manifest without its fields ``remainder`` and ``hash``, preceded
by its length in 8 bytes, big-endian, and followed by the bytes of the tensors' file. The hash of the artifact commits
to it, and to what is published of the manifest (``assay.protocol.function.published``): whoever is told the remainder
can check the latter. The stored manifest must be canonical: one altered byte in either file is found.

torch is imported by ``finalize`` and ``read`` alone: a process that does not price reads the manifest without it.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import safetensors
from pydantic import ValidationError

from assay.errors import AssayError
from assay.files import sync_folder, write_whole
from assay.protocol.function.canonical import canonical_json
from assay.protocol.function.published import REFUSAL, function_hash
from assay_pricing.errors import ArtifactError, ArtifactExists, FidelityError, PricingError
from assay_pricing.manifest import VERSION, Manifest

if TYPE_CHECKING:
    from torch import Tensor

_MANIFEST = "manifest.json"
_TENSORS = "tensors.safetensors"
_MODELS = ".models"
_SALT_BYTES = 32
_ENCODERS = "encoders"


def finalize(manifest: Manifest, tensors: "dict[str, Tensor]") -> tuple[Manifest, bytes]:
    """The manifest with its hash, and the bytes of the tensors' file."""
    from safetensors.torch import save

    content = save({name: tensor.contiguous() for name, tensor in sorted(tensors.items())})
    return _hashed(manifest, content), content


def encoder_files(manifest: Manifest) -> tuple[bytes, ...]:
    """SHA-256 of each file of an encoder, each once, in the order of the columns."""
    encoders = (feature.encoder for feature in manifest.schema_.features if feature.encoder is not None)
    return tuple(dict.fromkeys(sha256 for encoder in encoders for sha256 in encoder.files))


def write(
    folder: Path,
    manifest: Manifest,
    content: bytes,
    files: Mapping[bytes, bytes] = MappingProxyType({}),
    *,
    replace: bool = False,
) -> None:
    """Writes an artifact to a new or empty folder; after a crash the folder is whole, or as it was before.

    ``files`` are those of its encoders, by SHA-256.

    With ``replace`` it takes the place of a price function that stands there. A crash between the two renames leaves
    the folder free, and both price functions beside it under a hidden name.

    Raises:
        ArtifactExists: See ``check_free``.
        ArtifactError: The folder cannot be written.
    """
    check_free(folder, replace=replace)
    with _refusing_os_errors(folder), tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as name:
        whole, old = Path(name) / "new", Path(name) / "old"
        whole.mkdir()
        write_whole(whole / _TENSORS, content)
        write_whole(whole / _MANIFEST, _canonical(manifest))
        if refusal := _refusal(manifest):
            write_whole(whole / REFUSAL, f"{refusal}\n".encode())
        if files:
            (whole / _ENCODERS).mkdir()
        for sha256, each in files.items():
            write_whole(whole / _ENCODERS / sha256.hex(), each)
        try:
            if folder.exists() and any(folder.iterdir()):
                folder.rename(old)
            whole.rename(folder)
        except BaseException:
            if old.exists():
                old.rename(folder)
            raise
        sync_folder(folder.parent)


def check_free(folder: Path, *, replace: bool = False) -> None:
    """Checks that an artifact may be written to ``folder``, before any costly work.

    With ``replace`` a price function that no model uses may stand there; without it, only one whose surrogate is
    refused, which nothing can use.

    Raises:
        ArtifactExists: A price function, or something else, stands there.
        ArtifactError: The folder cannot be written.
    """
    with _refusing_os_errors(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        if not os.access(folder.parent, os.W_OK | os.X_OK):
            raise ArtifactError(f"expected a writable folder, got {folder.parent}")
        found = {path.name for path in folder.iterdir()} if folder.exists() else set()
    other = "write to another folder"
    models = models_of(folder)
    if models:
        text = f"expected a free folder, {folder} has the price function of model {', '.join(models)}"
        raise ArtifactExists(text, hint=f"{other}: the model is registered with this one")
    foreign = sorted(found - {_MANIFEST, _TENSORS, _ENCODERS, REFUSAL})
    if foreign:
        raise ArtifactExists(f"expected a free folder, {folder} has {foreign[0]!r}", hint=other)
    if found and not replace and not _is_refused(folder):
        text = f"expected a free folder, {folder} has a price function"
        raise ArtifactExists(text, hint=f"{other}; or replace it, if no model is registered with it: --replace")


def _is_refused(folder: Path) -> bool:
    """Whether ``folder`` has a price function whose surrogate does not represent its model."""
    try:
        return bool(_refusal(read(folder)[0]))
    except ArtifactError:
        return False


def _refusal(manifest: Manifest) -> str:
    """Why a price function does not price; empty if it does."""
    try:
        manifest.check_fidelity()
    except FidelityError as error:
        return error.message
    return ""


def mark_used(folder: Path, model_id: bytes) -> None:
    """Records beside the artifact that a model is registered with it, so that no other one takes its place.

    A folder that cannot be written stays without the mark: the price function is used all the same.
    """
    marks = {*models_of(folder), f"0x{model_id.hex()}"}
    with suppress(OSError):
        write_whole(folder / _MODELS, "".join(f"{mark}\n" for mark in sorted(marks)).encode())


def models_of(folder: Path) -> list[str]:
    """Ids of the models that ``mark_used`` recorded, in 0x-hex."""
    try:
        return (folder / _MODELS).read_text().split()
    except (OSError, UnicodeDecodeError):
        return []


@contextmanager
def _refusing_os_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ArtifactError(f"expected a writable folder, got {folder}: {error.strerror}") from None


def read(folder: Path) -> "tuple[Manifest, dict[str, Tensor]]":
    """Reads an artifact and checks every byte of it.

    Raises:
        ArtifactError: A file is missing, damaged, altered, or of another version.
    """
    from safetensors.torch import load

    manifest, content = _checked(folder)
    try:
        return manifest, load(content)
    except safetensors.SafetensorError as error:
        raise ArtifactError(f"expected safetensors in {folder / _TENSORS}: {error}") from None


def read_tensor(folder: Path, name: str) -> tuple[Manifest, bytes | None]:
    """The manifest, and the bytes of one tensor, or None if there is none; every byte is checked, without torch.

    Raises:
        ArtifactError: A file is missing, damaged, altered, or of another version.
    """
    manifest, content = _checked(folder)
    try:
        found = dict(safetensors.deserialize(content)).get(name)  # type: ignore[no-untyped-call]
    except safetensors.SafetensorError as error:
        raise ArtifactError(f"expected safetensors in {folder / _TENSORS}: {error}") from None
    return manifest, None if found is None else bytes(found["data"])


def read_file(folder: Path, sha256: bytes) -> bytes:
    """The content of a file of an encoder.

    Raises:
        ArtifactError: It is missing or altered.
    """
    path = folder / _ENCODERS / sha256.hex()
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ArtifactError(
            f"expected a file of the model's encoder in {path}: {error.strerror}",
            hint="copy the encoders' folder with the price function, or put the published file there under its SHA-256",
        ) from None
    if hashlib.sha256(content).digest() != sha256:
        raise ArtifactError(
            f"expected a file with SHA-256 {sha256.hex()} in {path}, got an altered one",
            hint="put the published file there again",
        )
    return content


def check_part(is_right: bool, what: str) -> None:
    """Refuses an artifact that is not what it must be: its hash says that it is whole, and not who made it.

    Raises:
        ArtifactError: ``is_right`` is false.
    """
    if not is_right:
        raise ArtifactError(
            f"expected {what} in the price function, got something else", hint="ask who made it for another"
        )


def check_tensors(manifest: Manifest, tensors: "dict[str, Tensor]") -> None:
    """Checks the records and the control sets of an artifact; its method checks the rest.

    Raises:
        ArtifactError: A weight, a label, the encoder, or the salt of the owner's hashes is no such thing, or there is
            no control.
    """
    features = manifest.schema_.encoded().features
    for name in ("encoder.centre", "encoder.scale"):
        is_right = tensors[name].shape == (len(features),) and bool(tensors[name].isfinite().all())
        check_part(is_right, f"a finite {name} of {len(features)} features")
    check_part(bool((tensors["encoder.scale"] > 0).all()), "a positive encoder.scale")
    check_part(len(manifest.controls) > 0, "at least one control set")
    weight, salt = tensors["base.weight"], tensors["owner.salt"]
    check_part(bool(((weight > 0) & weight.isfinite()).all()), "positive weights of the owner's records")
    check_part(salt.dtype.itemsize * salt.numel() == _SALT_BYTES == salt.numel(), f"a salt of {_SALT_BYTES} bytes")
    labels = tensors.get("validation.y", weight[:0])
    halves = tensors.get("validation.first_half", labels > 0)
    is_right = halves.dtype == (labels > 0).dtype and halves.shape == labels.shape
    check_part(is_right, "a half of each validation record in validation.first_half")
    classes = len(manifest.schema_.classes)
    for name in ("base.y", "validation.y"):
        y = tensors.get(name, weight[:0])
        is_class = (y >= 0) & (y < classes) & (y == y.floor()) if classes else y.isfinite()
        check_part(bool(is_class.all()), f"{name} of the schema's classes" if classes else f"finite {name}")


@contextmanager
def of_one_piece(folder: Path) -> Iterator[None]:
    """Reports an error of another kind than ``AssayError`` as an artifact whose tensors do not fit its manifest.

    The hash of an artifact says that it is whole, and not who made it: a stranger can hash tensors of any shape.

    Raises:
        ArtifactError: There was one.
    """
    try:
        yield
    except (AssayError, MemoryError):
        raise
    except Exception as error:
        raise ArtifactError(
            f"expected tensors that fit the manifest of the price function in {folder}, got others "
            f"({type(error).__name__})",
            hint="restore it from a copy, or ask who made it for another",
        ) from error


@contextmanager
def pricing_of(offer: Path, folder: Path) -> Iterator[None]:
    """Reports an error of another kind than ``AssayError`` at a price, which either side may have caused.

    Raises:
        PricingError: There was one.
    """
    try:
        yield
    except (AssayError, MemoryError):
        raise
    except Exception as error:
        raise PricingError(
            f"expected a price of {offer} by the price function in {folder}, got {type(error).__name__}",
            hint="price another file: where that works, look for odd values in this one; where it does not, ask who "
            "made the price function for another",
        ) from error


def read_manifest(folder: Path) -> Manifest:
    """Checks every byte of an artifact as ``read`` does, and leaves its tensors alone.

    Raises:
        ArtifactError: A file is missing, damaged, altered, or of another version.
    """
    return _checked(folder)[0]


def _checked(folder: Path) -> tuple[Manifest, bytes]:
    """The manifest, and the bytes of the tensors' file, which have the hash that the manifest states."""
    try:
        stored, content = (folder / _MANIFEST).read_bytes(), (folder / _TENSORS).read_bytes()
    except OSError as error:
        raise ArtifactError(
            f"expected {_MANIFEST} and {_TENSORS} in {folder}: {error.strerror}", hint="run `assay-oracle fit` first"
        ) from None
    manifest = _parse(stored)
    if _canonical(manifest) != stored or _hashed(manifest, content) != manifest:
        raise ArtifactError(
            f"expected a price function with hash 0x{manifest.hash.hex()}, got altered files in {folder}",
            hint="restore it from a copy or fit it again",
        )
    for sha256 in encoder_files(manifest):
        read_file(folder, sha256)
    return manifest, content


def _parse(stored: bytes) -> Manifest:
    try:
        version = json.loads(stored).get("version")
    except (ValueError, AttributeError):
        raise ArtifactError(
            f"expected the JSON of a price function in {_MANIFEST}, got something else",
            hint="restore it from a copy or fit it again",
        ) from None
    if version != VERSION:
        raise ArtifactError(f"expected a price function of version {VERSION}, got {version}", hint="fit it again")
    try:
        return Manifest.model_validate_json(stored)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        raise ArtifactError(f"expected the manifest of a price function, got a wrong {field}: {first['msg']}") from None


def _hashed(manifest: Manifest, content: bytes) -> Manifest:
    """The manifest with its remainder and its hash."""
    text = canonical_json(manifest.model_dump(mode="json", exclude={"remainder", "hash"}))
    remainder = hashlib.sha256(len(text).to_bytes(8, "big") + text + content).digest()
    found = function_hash(manifest.published, remainder)
    return manifest.model_copy(update={"remainder": remainder, "hash": found})


def _canonical(manifest: Manifest) -> bytes:
    return canonical_json(manifest.model_dump(mode="json"))
