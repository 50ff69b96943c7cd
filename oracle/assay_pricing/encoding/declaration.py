"""The declaration of an encoder: a TOML file that names the network, its input and its output.

::

    column = "review"             # of the owner's files; pictures are in the column "image"
    model = "model.onnx"          # beside this file
    pooling = "mean"
    normalised = true

    [text]
    tokenizer = "tokenizer.json"
    max_tokens = 128

The other fields are those of ``assay.protocol.encoder``; the width is found by asking the network.
"""

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from assay.errors import listed_faults
from assay.protocol.encoder import Encoder
from assay_pricing.encoding.encoders import Encoders, Files
from assay_pricing.errors import EncoderError


@dataclass(frozen=True)
class Declared:
    """An encoder of one column, and where its files are.

    Attributes:
        column: Of the owner's files.
        encoder: What the model's terms say.
        files: Paths by SHA-256.
    """

    column: str
    encoder: Encoder
    files: dict[bytes, Path]


def read_declaration(path: Path) -> Declared:
    """Reads a declaration and asks the network for its width.

    Raises:
        EncoderError: The file is no declaration, or the network does not take or give what it says.
    """
    try:
        fields = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise EncoderError(f"expected the declaration of an encoder in {path}: {error.strerror}") from None
    except ValueError as error:
        raise EncoderError(
            f"expected the declaration of an encoder in {path} in TOML: {error}",
            hint='for example: column = "text", model = "model.onnx", and a table [text] or [image]; docs/encoders.md',
        ) from None
    files: dict[bytes, Path] = {}
    column = _text(fields, "column", path)
    fields["sha256"] = _file(path, _text(fields, "model", path), files)
    text = fields.get("text")
    if isinstance(text, dict) and "tokenizer" in text:
        text["tokenizer"] = _file(path, _text(text, "tokenizer", path), files)
    try:
        encoder = Encoder.model_validate({"width": 1, **fields})
    except ValidationError as error:
        raise EncoderError(f"{path}: {listed_faults(error.errors())}", hint="docs/encoders.md") from None
    if "width" not in fields:
        encoder = encoder.model_copy(update={"width": Encoders(reader(files)).width(encoder)})
    return Declared(column, Encoder.model_validate(encoder.model_dump()), files)


def reader(files: Mapping[bytes, Path]) -> Files:
    """``encoders.Files`` of paths by SHA-256."""

    def read(sha256: bytes) -> bytes:
        try:
            return files[sha256].read_bytes()
        except (KeyError, OSError):
            raise EncoderError(f"expected the file of an encoder with SHA-256 {sha256.hex()}, it is gone") from None

    return read


def _text(fields: dict[str, Any], name: str, path: Path) -> str:
    found = fields.pop(name, None)
    if not isinstance(found, str) or not found:
        raise EncoderError(f"expected {name} as a text in {path}, got {found!r}", hint="docs/encoders.md")
    return found


def _file(declaration: Path, name: str, files: dict[bytes, Path]) -> bytes:
    path = declaration.parent / name
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").digest()
    except OSError as error:
        raise EncoderError(f"expected the file {path}, which {declaration} names: {error.strerror}") from None
    files[digest] = path
    return digest
