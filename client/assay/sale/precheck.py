"""What can be told of a data file before it is sealed: whether the oracle takes one of this size and these columns.

Only what is certain is refused here; the oracle, which parses the file, decides the rest.
"""

import ast
import csv
import math
import struct
import zipfile
from collections.abc import Collection
from pathlib import Path

from assay.errors import OfferRefused
from assay.protocol.messages import ModelInfo, OracleInfo
from assay.protocol.schema import Schema
from assay.protocol.seal import DEFAULT_CHUNK_SIZE
from assay.protocol.tree import CHUNK_SIZES, Layout

_AGE_CHUNK, _AGE_TAG, _AGE_NONCE = 65_536, 16, 16
_DELIMITERS = ",;\t|"
_MAX_LINE = 2**20
_NUMBER_BYTES = 8
"""Memory of one number once the oracle has opened the file."""
_NOTHING_SENT = "nothing was sealed or sent"


def check_file(path: Path, oracle: OracleInfo, model: ModelInfo, chunk_size: int) -> None:
    """Checks size, columns and shape of the file at ``path`` against what the oracle says that it takes.

    Raises:
        OfferRefused: The oracle would refuse the file.
    """
    if chunk_size > model.max_chunk_size:
        raise OfferRefused(
            "chunks_too_large",
            f"expected chunks of at most {model.max_chunk_size} bytes, got {chunk_size}",
            hint=f"let the client choose the size; {_NOTHING_SENT}",
        )
    upload = least_upload_bytes(path.stat().st_size, chunk_size)
    if upload > oracle.max_upload_bytes:
        raise OfferRefused(
            "upload_too_large",
            f"expected an upload of at most {oracle.max_upload_bytes} bytes, {path.name} becomes {upload} once sealed",
            hint=f"split the data into several offers; {_NOTHING_SENT}",
        )
    if path.suffix.lower() in (".csv", ".tsv"):
        _check_header(path, model.schema_)
    elif path.suffix.lower() == ".npz":
        _check_arrays(path, model)


def chunk_size_for(model: ModelInfo) -> int:
    """The largest chunks that the model takes, up to the usual size: the fewer, the faster a file is sealed."""
    return max(size for size in CHUNK_SIZES if size <= min(model.max_chunk_size, DEFAULT_CHUNK_SIZE))


def least_upload_bytes(data_bytes: int, chunk_size: int) -> int:
    """Length of the age envelope of a sealed file without the header of the envelope, which varies by some bytes."""
    sealed = Layout.of_data(data_bytes, chunk_size).file_bytes
    return sealed + _AGE_NONCE + _AGE_TAG * max(1, math.ceil(sealed / _AGE_CHUNK))


def _check_header(path: Path, schema: Schema) -> None:
    with path.open("rb") as file:
        line = file.readline(_MAX_LINE)
    try:
        text = line.decode("utf-8-sig")
        found = [set(next(csv.reader([text], delimiter=delimiter), [])) for delimiter in _DELIMITERS]
    except (UnicodeDecodeError, csv.Error):
        return
    if not any(_missing(names, schema) == [] for names in found):
        _refuse_columns(path, max(found, key=len), schema)


def _check_arrays(path: Path, model: ModelInfo) -> None:
    shapes = _shapes(path)
    if not shapes:
        return
    matrix = next((shapes[name] for name in ("x", "X") if name in shapes and len(shapes[name]) > 1), None)
    if matrix is None:
        if _missing(shapes, model.schema_):
            _refuse_columns(path, shapes, model.schema_)
    elif math.prod(matrix[1:]) != len(model.schema_.features):
        raise OfferRefused(
            "columns_differ",
            f"expected {len(model.schema_.features)} features in each record, {path.name} has {math.prod(matrix[1:])}",
            hint=f"assay model show ID has the columns; {_NOTHING_SENT}",
        )
    limits = model.limits
    if limits is None:
        return
    records = max(shape[0] if shape else 1 for shape in shapes.values())
    expanded = sum(_NUMBER_BYTES * math.prod(shape) for shape in shapes.values())
    for value, limit, what in (
        (records, limits.records, "records"),
        (expanded, limits.expanded_bytes, "bytes once opened"),
    ):
        if value > limit:
            raise OfferRefused(
                "data_too_large",
                f"expected at most {limit} {what} in one offer, {path.name} has {value}",
                hint=f"split the data into several offers; {_NOTHING_SENT}",
            )


def _shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Shapes of the arrays of an NPZ file by name; empty if it is not one that is understood."""
    try:
        with zipfile.ZipFile(path) as archive:
            return {name.removesuffix(".npy"): _shape(archive, name) for name in archive.namelist()}
    except (zipfile.BadZipFile, OSError, ValueError, KeyError, SyntaxError, struct.error, NotImplementedError):
        return {}


def _shape(archive: zipfile.ZipFile, name: str) -> tuple[int, ...]:
    """The shape in the header of NumPy's format (NEP 1)."""
    with archive.open(name) as member:
        start = member.read(8)
        if start[:6] != b"\x93NUMPY":
            raise ValueError(f"{name} is no array")
        form = "<H" if start[6] == 1 else "<I"
        (length,) = struct.unpack(form, member.read(struct.calcsize(form)))
        header = ast.literal_eval(member.read(min(length, _MAX_LINE)).decode("latin-1").strip())
    return tuple(int(size) for size in header["shape"])


def _missing(names: Collection[str], schema: Schema) -> list[str]:
    wanted = [feature.name for feature in schema.features]
    return [name for name in (*wanted, schema.label) if name not in names]


def _refuse_columns(path: Path, names: Collection[str], schema: Schema) -> None:
    missing = _missing(names, schema)
    listed = ", ".join(map(repr, missing[:10])) + (f" and {len(missing) - 10} more" if len(missing) > 10 else "")
    label = " (the label)" if schema.label in missing else ""
    raise OfferRefused(
        "columns_differ",
        f"expected the columns of the model in {path.name}, missing: {listed}{label}",
        hint=f"rename the columns to the model's (assay model show ID); {_NOTHING_SENT}",
    )
