"""What can be told of a data file before it is sealed: whether the oracle takes one of this size and these columns.

Only what is certain is refused here; the oracle, which parses the file, decides the rest.
"""

import math
from collections.abc import Collection
from pathlib import Path

from assay.errors import OfferRefused
from assay.protocol.messages import ModelInfo, OracleInfo
from assay.protocol.schema import Schema, normal_form_hint
from assay.protocol.seal import DEFAULT_CHUNK_SIZE
from assay.protocol.tree import CHUNK_SIZES, Layout
from assay.sale.offered.data_file import foreign_kind, is_text_table, read_header, read_shapes

_AGE_CHUNK, _AGE_TAG, _AGE_NONCE = 65_536, 16, 16
_NUMBER_BYTES = 8
"""Memory of one number once the oracle has opened the file: double precision, whatever the file's."""
_NOTHING_SENT = "nothing was sealed or sent"


def check_file(path: Path, oracle: OracleInfo, model: ModelInfo, chunk_size: int) -> None:
    """Checks size, columns and shape of the file at ``path`` against what the oracle says that it takes.

    Raises:
        OfferRefused: The oracle would refuse the file.
    """
    check_size(path.name, path.stat().st_size, oracle, model, chunk_size)
    _check_kind(path)
    if is_text_table(path):
        _check_header(path, model.schema_)
    else:
        _check_arrays(path, model)


def check_size(name: str, data_bytes: int, oracle: OracleInfo, model: ModelInfo, chunk_size: int) -> None:
    """Checks what ``data_bytes`` become once sealed; ``name`` is for messages.

    Raises:
        OfferRefused: The oracle would refuse a file of this size.
    """
    if chunk_size > model.max_chunk_size:
        raise OfferRefused(
            "chunks_too_large",
            f"expected chunks of at most {model.max_chunk_size} bytes, got {chunk_size}",
            hint=f"let the client choose the size; {_NOTHING_SENT}",
        )
    upload = least_upload_bytes(data_bytes, chunk_size)
    if upload > oracle.max_upload_bytes:
        raise OfferRefused(
            "upload_too_large",
            f"expected an upload of at most {oracle.max_upload_bytes} bytes, {name} becomes {upload} once sealed",
            hint=f"split the data into several offers; {_NOTHING_SENT}",
        )


def chunk_size_for(model: ModelInfo) -> int:
    """The largest chunks that the model takes, up to the usual size: the fewer, the faster a file is sealed."""
    return max(size for size in CHUNK_SIZES if size <= min(model.max_chunk_size, DEFAULT_CHUNK_SIZE))


def least_upload_bytes(data_bytes: int, chunk_size: int) -> int:
    """Length of the age envelope of a sealed file without the header of the envelope, which varies by some bytes."""
    sealed = Layout.of_data(data_bytes, chunk_size).file_bytes
    return sealed + _AGE_NONCE + _AGE_TAG * max(1, math.ceil(sealed / _AGE_CHUNK))


def _check_kind(path: Path) -> None:
    found = foreign_kind(path)
    if found is not None:
        raise OfferRefused(
            "no_table",
            f"expected a table (Arrow, CSV, JSON lines, NPZ, Parquet or tar), {path.name} is {found.name}",
            hint=f"{found.remedy}; {_NOTHING_SENT}",
        )


def _check_header(path: Path, schema: Schema) -> None:
    names = read_header(path)
    if names is not None and _missing(names, schema):
        _refuse_columns(path, names, schema)


def _check_arrays(path: Path, model: ModelInfo) -> None:
    shapes = read_shapes(path)
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


def _missing(names: Collection[str], schema: Schema) -> list[str]:
    wanted = [feature.name for feature in schema.features]
    return [name for name in (*wanted, schema.label) if name not in names]


def _refuse_columns(path: Path, names: Collection[str], schema: Schema) -> None:
    missing = _missing(names, schema)
    listed = ", ".join(map(repr, missing[:10])) + (f" and {len(missing) - 10} more" if len(missing) > 10 else "")
    remedy = normal_form_hint(missing, names) or "rename the columns to the model's (assay model show ID)"
    label = " (the label)" if schema.label in missing else ""
    raise OfferRefused(
        "columns_differ",
        f"expected the columns of the model in {path.name}, missing: {listed}{label}; it has {_listed(names)}",
        hint=f"{remedy}; {_NOTHING_SENT}",
    )


def _listed(names: Collection[str]) -> str:
    shown = ", ".join(repr(name[:40]) for name in list(names)[:10]) or "none"
    return shown + (f" and {len(names) - 10} more" if len(names) > 10 else "")
