"""A price function on disk: ``tensors.safetensors`` and ``manifest.json``. Data, never code.

The function's hash is SHA-256 over the manifest in its one spelling, without the field ``hash``, and the bytes of the
tensors' file. The manifest must be in that spelling: one byte altered anywhere is found.
"""

import hashlib
import os
import tempfile
from pathlib import Path
from typing import Any, Literal

import safetensors
from pydantic import ValidationError
from safetensors.torch import load, save
from torch import Tensor

from assay.protocol.schema import Schema
from assay.protocol.types import Bytes32, Value
from assay_pricing.canonical import canonical_json
from assay_pricing.errors import ArtifactError
from assay_pricing.price import PricingRule

VERSION = 1
_MANIFEST = "manifest.json"
_TENSORS = "tensors.safetensors"


class Leak(Value):
    """What one tensor of the artifact says about the owner: who may hold the artifact is decided by this table."""

    tensor: str
    bytes: int
    owner_records: int
    """Records of the owner whose features or labels it holds."""
    validation_records: int
    """Validation records whose features or labels it holds."""
    carries: str


class Carried(Value):
    """What all tensors of the artifact together say about the owner."""

    bytes: int
    owner_records: int
    validation_records: int
    copy_fidelity: float
    """Agreement with the model, 0..1, of the best copy of it that we know how to make from the artifact."""
    copied_by: str


class Control(Value):
    """What sets without worth reached at the fit: the gain that ``records`` of them brought at most."""

    records: int
    gain: float


class Manifest(Value):
    """Everything about a price function but its tensors."""

    format: Literal["assay/price-function"] = "assay/price-function"
    version: int = VERSION
    schema_: Schema
    method: str
    settings: dict[str, Any]
    metric: str
    worst_group: str | None = None
    rule: PricingRule
    fidelity: float
    label_only: bool
    seed: int
    decay: float
    risk: float
    """The surrogate's risk before any offer."""
    target: tuple[float, float]
    standardised: bool
    controls: tuple[Control, ...]
    near_radius: float
    owner_records: int
    validation_records: int
    leaks: tuple[Leak, ...]
    carried: Carried
    hash: Bytes32 = bytes(32)


def seal(manifest: Manifest, tensors: dict[str, Tensor]) -> tuple[Manifest, bytes]:
    """The manifest with its hash, and the tensors' bytes."""
    content = save({name: tensor.contiguous() for name, tensor in sorted(tensors.items())})
    return manifest.model_copy(update={"hash": _digest(manifest, content)}), content


def write(folder: Path, manifest: Manifest, content: bytes) -> None:
    """Writes both files so that a crash leaves the old ones or the new ones; the manifest comes last.

    Raises:
        ArtifactError: The folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in ((_TENSORS, content), (_MANIFEST, _spelled(manifest))):
            handle, temporary = tempfile.mkstemp(dir=folder, prefix=f".{name}.")
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(folder / name)
    except OSError as error:
        raise ArtifactError(f"expected a folder to write to, got {folder}: {error.strerror}") from None


def read(folder: Path) -> tuple[Manifest, dict[str, Tensor]]:
    """Reads a price function and checks every byte of it.

    Raises:
        ArtifactError: A file is missing, damaged, altered, or of another version.
    """
    try:
        spelled, content = (folder / _MANIFEST).read_bytes(), (folder / _TENSORS).read_bytes()
    except OSError as error:
        raise ArtifactError(
            f"expected {_MANIFEST} and {_TENSORS} in {folder}: {error.strerror}", hint="run `assay-oracle fit` first"
        ) from None
    try:
        manifest = Manifest.model_validate_json(spelled)
    except ValidationError as error:
        raise ArtifactError(_why_not(spelled, error)) from None
    if manifest.version != VERSION:
        raise ArtifactError(
            f"expected a price function of version {VERSION}, got {manifest.version}", hint="fit it again"
        )
    if _spelled(manifest) != spelled or _digest(manifest, content) != manifest.hash:
        raise ArtifactError(
            f"the price function in {folder} was altered: it does not have its hash 0x{manifest.hash.hex()}",
            hint="restore it from a copy or fit it again",
        )
    try:
        return manifest, load(content)
    except safetensors.SafetensorError as error:
        raise ArtifactError(f"expected safetensors in {folder / _TENSORS}: {error}") from None


def _digest(manifest: Manifest, content: bytes) -> bytes:
    bare = manifest.model_dump(mode="json", exclude={"hash"})
    spelled = canonical_json(bare)
    return hashlib.sha256(len(spelled).to_bytes(8, "big") + spelled + content).digest()


def _spelled(manifest: Manifest) -> bytes:
    return canonical_json(manifest.model_dump(mode="json"))


def _why_not(spelled: bytes, error: ValidationError) -> str:
    import json

    try:
        version = json.loads(spelled).get("version")
    except (ValueError, AttributeError):
        return f"expected {_MANIFEST} to be JSON of a price function, got something else: it was altered or damaged"
    if version != VERSION:
        return f"expected a price function of version {VERSION}, got {version}: fit it again"
    first = error.errors()[0]
    return (
        f"expected a price function, got a manifest whose {'.'.join(map(str, first['loc']))} is wrong: {first['msg']}"
    )
