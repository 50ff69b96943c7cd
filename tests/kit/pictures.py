"""Folders and archives of the same pictures, and the schema that reads them."""

import io
import tarfile
from pathlib import Path

from assay.protocol.schema import Feature, Schema
from assay_pricing.encoding.declaration import read_declaration, reader
from assay_pricing.encoding.encoders import Encoders
from tests.kit.encoders import image_encoder, picture

FILES = {
    "cat/b.png": picture((255, 0, 0)),
    "cat/a.JPG": picture((0, 255, 0), kind="JPEG", quality=95),
    "dog/c.jpeg": picture((0, 0, 255), kind="JPEG", quality=95),
    "dog/.DS_Store": b"of macOS",
}
PICTURES = {name: content for name, content in FILES.items() if not name.startswith("dog/.")}


def reads(folder: Path) -> tuple[Schema, Encoders]:
    """The schema of pictures of cats and dogs, and its encoder."""
    declared = read_declaration(image_encoder(folder))
    image = Feature(name="image", kind="image", encoder=declared.encoder)
    schema = Schema(task="classification", features=(image,), label="kind", classes=("cat", "dog"))
    return schema, Encoders(reader(declared.files))


def written(folder: Path, files: dict[str, bytes]) -> Path:
    """A folder with files."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def tar(files: dict[str, bytes] | list[tuple[str, bytes]], **fields) -> io.BytesIO:
    """An archive with files, in their order; ``fields`` of every member's head."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        for name, each in files.items() if isinstance(files, dict) else files:
            member = tarfile.TarInfo(name)
            member.size = len(each)
            for field, value in fields.items():
                setattr(member, field, value)
            archive.addfile(member, io.BytesIO(each))
    content.seek(0)
    return content


def samples(**more: dict[str, bytes]) -> dict[str, bytes]:
    """The pictures as WebDataset has them, labels in ``.cls``; ``more`` files by their ending."""
    found = {}
    for i, (name, content) in enumerate(PICTURES.items()):
        label, file = name.split("/")
        found[f"{i:03}.{file.split('.')[1]}"] = content
        found[f"{i:03}.cls"] = f"{label}\n".encode()
    return found
