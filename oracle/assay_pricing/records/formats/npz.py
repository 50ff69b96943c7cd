"""NumPy's NPZ: named arrays in a ZIP archive. Nothing is executed: no pickle, no object arrays.

The arrays are either one per column, or ``x`` of shape (n, d) or (n, height, width, ...) and one array of labels (n,).
Shapes are compared with sizes before memory is allocated.
"""

import io
import math
import zipfile
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from assay.protocol.schema import Schema
from assay_pricing.errors import DataError
from assay_pricing.records.bounds import TEXT_BYTES, Bounds, check_distinct
from assay_pricing.records.columns import Column, RawTable, Texts, check_columns, check_width, used
from assay_pricing.records.formats import Format
from assay_pricing.records.formats.look import check_archive
from assay_pricing.records.quoting import listed, quoted

_COMPRESSION = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
"""The methods that NPZ uses; both decompress no more at a time than is asked for."""

Array = npt.NDArray[Any]


def read(source: BinaryIO, bounds: Bounds, schema: Schema | None) -> RawTable:
    """Reads an NPZ file.

    Raises:
        DataError: As ``tables.parse_table``.
    """
    check_archive(source)
    arrays = _arrays(source, bounds, schema)
    features = next((name for name in ("x", "X") if name in arrays and arrays[name].ndim > 1), None)
    if features is not None:
        return _matrix(arrays, features, schema)
    if schema is not None:
        check_columns(arrays, schema)
    columns = {name: _column(arrays[name], name) for name in used(arrays, schema)}
    ignored = tuple(name for name in arrays if name not in columns)
    return RawTable(columns, stored=_stored(arrays), ignored=ignored)


def _arrays(source: BinaryIO, bounds: Bounds, schema: Schema | None) -> dict[str, Array]:
    arrays: dict[str, Array] = {}
    with zipfile.ZipFile(source) as archive:
        members = archive.infolist()
        names = [member.filename.removesuffix(".npy") for member in members]
        check_distinct(names)
        if schema is not None and len(members) > max(len(schema.features) + 1 + len(schema.excluded), 2):
            check_columns(names, schema)
        bounds.check_bytes(sum(member.file_size for member in members))
        expanded = 0
        for name, member in zip(names, members, strict=True):
            if member.compress_type not in _COMPRESSION:
                raise DataError(f"expected arrays stored or deflated, got another compression of {quoted(name)}")
            arrays[name] = array = _npy(archive.read(member), name)
            expanded += array.size * (TEXT_BYTES + array.itemsize if array.dtype.kind == "U" else 8)
            bounds.check_bytes(expanded)
            bounds.check_records(len(array) if array.ndim else 1)
    return arrays


def _matrix(arrays: dict[str, Array], features: str, schema: Schema | None) -> RawTable:
    """One matrix of features and one array of labels."""
    x = arrays.pop(features)
    if len(arrays) != 1:
        raise DataError(f"expected {features!r} and one array of labels, got labels in {listed(arrays) or 'none'}")
    label, y = next(iter(arrays.items()))
    flat = x.reshape(len(x), math.prod(x.shape[1:]))
    if schema is not None:
        check_width(flat.shape[1], schema)
    if y.shape != (len(flat),):
        raise DataError(f"expected labels ({len(flat)},) for features {x.shape}, got {y.shape}")
    columns = {f"x{j}": _column(flat[:, j], features) for j in range(flat.shape[1])}
    check_distinct([*columns, label])
    return RawTable({**columns, label: _column(y, label)}, positional=True, label=label, shape=x.shape[1:])


def _npy(content: bytes, name: str) -> Array:
    stream = io.BytesIO(content)
    version = np.lib.format.read_magic(stream)  # type: ignore[no-untyped-call]
    read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = read_header(stream)  # type: ignore[no-untyped-call]
    if dtype.hasobject or dtype.kind not in "fiubUM" or dtype.itemsize == 0:
        found = "Python objects" if dtype.hasobject else str(dtype)
        raise DataError(
            f"expected arrays of numbers, text or times, got {found} in {quoted(name)}",
            hint="save numbers by themselves, and text by array.astype(str)",
        )
    left = len(content) - stream.tell()
    if min(shape, default=1) < 0 or math.prod(shape) * dtype.itemsize != left:
        raise DataError(f"expected as many bytes as the array's shape needs, got {left} in {quoted(name)}")
    if left == 0:
        raise DataError(f"expected at least one record and one value in each, got none in {quoted(name)}")
    flat = np.frombuffer(content, dtype=dtype, offset=stream.tell())
    return flat.reshape(shape, order="F" if fortran else "C")


def _column(array: Array, name: str) -> Column:
    if array.ndim != 1:
        raise DataError(f"expected a column (n,), got {array.shape} in {quoted(name)}")
    if array.dtype.kind == "U":
        return Texts.of(array.tolist())
    if array.dtype.kind == "M":
        micros = array.astype("datetime64[us]")
        if (micros.astype(array.dtype) != array)[~np.isnat(array)].any():
            raise DataError(f"expected times in whole microseconds, got others in {quoted(name)}")
        return micros
    if array.dtype.kind == "f" and array.dtype.itemsize > 8:
        with np.errstate(over="ignore"):  # a long double may overflow to infinity, which is refused later
            return array.astype(np.float64)
    return array.astype(array.dtype.newbyteorder("="))


def _stored(arrays: dict[str, Array]) -> dict[str, str]:
    """``Feature.stored`` of times: the unit of the array if pandas knows it, else seconds."""
    units = {name: np.datetime_data(array.dtype)[0] for name, array in arrays.items() if array.dtype.kind == "M"}
    return {
        name: f"datetime64[{unit}]" if unit in ("s", "ms", "us", "ns") else "datetime64[s]"
        for name, unit in units.items()
    }


FORMAT = Format(name="NPZ", suffixes=(".npz",), magic=b"PK", read=read)
