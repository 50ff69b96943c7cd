"""A price function on disk: ``tensors.safetensors`` and ``manifest.json``. Data, never code.

The hash of the artifact is SHA-256 over the canonical JSON of the manifest without its field ``hash``, preceded by its
length in 8 bytes, big-endian, and followed by the bytes of the tensors' file. The stored manifest must be canonical:
one altered byte in either file is found.
"""

import hashlib
import json
from pathlib import Path

import safetensors
from pydantic import ValidationError
from safetensors.torch import load, save
from torch import Tensor

from assay.files import write_whole
from assay_pricing.canonical import canonical_json
from assay_pricing.errors import ArtifactError
from assay_pricing.manifest import VERSION, Manifest

_MANIFEST = "manifest.json"
_TENSORS = "tensors.safetensors"


def finalize(manifest: Manifest, tensors: dict[str, Tensor]) -> tuple[Manifest, bytes]:
    """The manifest with its hash, and the bytes of the tensors' file."""
    content = save({name: tensor.contiguous() for name, tensor in sorted(tensors.items())})
    return manifest.model_copy(update={"hash": _digest(manifest, content)}), content


def write(folder: Path, manifest: Manifest, content: bytes) -> None:
    """Writes both files, each atomically, the manifest last; a mixed pair after a crash does not have its hash.

    Raises:
        ArtifactError: The folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / _TENSORS, content)
        write_whole(folder / _MANIFEST, _canonical(manifest))
    except OSError as error:
        raise ArtifactError(f"expected a writable folder, got {folder}: {error.strerror}") from None


def read(folder: Path) -> tuple[Manifest, dict[str, Tensor]]:
    """Reads an artifact and checks every byte of it.

    Raises:
        ArtifactError: A file is missing, damaged, altered, or of another version.
    """
    try:
        stored, content = (folder / _MANIFEST).read_bytes(), (folder / _TENSORS).read_bytes()
    except OSError as error:
        raise ArtifactError(
            f"expected {_MANIFEST} and {_TENSORS} in {folder}: {error.strerror}", hint="run `assay-oracle fit` first"
        ) from None
    manifest = _parse(stored)
    if _canonical(manifest) != stored or _digest(manifest, content) != manifest.hash:
        raise ArtifactError(
            f"expected a price function with hash 0x{manifest.hash.hex()}, got altered files in {folder}",
            hint="restore it from a copy or fit it again",
        )
    try:
        return manifest, load(content)
    except safetensors.SafetensorError as error:
        raise ArtifactError(f"expected safetensors in {folder / _TENSORS}: {error}") from None


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


def _digest(manifest: Manifest, content: bytes) -> bytes:
    text = canonical_json(manifest.model_dump(mode="json", exclude={"hash"}))
    return hashlib.sha256(len(text).to_bytes(8, "big") + text + content).digest()


def _canonical(manifest: Manifest) -> bytes:
    return canonical_json(manifest.model_dump(mode="json"))
