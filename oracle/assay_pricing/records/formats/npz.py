"""Columns of NPZ files. Shapes and sizes are held against each other before anything is allocated."""

import io
import math
import zipfile
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from assay.protocol.schema import Schema
from assay_pricing.errors import DataError
from assay_pricing.records.columns import Column, expect_columns, expect_width
from assay_pricing.records.limits import TEXT_BYTES, bound_bytes, bound_records, distinct_names, listed, quoted

_PACKED = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
"""Ways of packing that unpack no more at a time than they are asked for; NPZ has no others."""


def read_npz(
    source: BinaryIO, max_bytes: int, max_records: int | None, schema: Schema | None
) -> tuple[dict[str, Column], str | None]:
    """Columns of an NPZ file; the label's name, if the file has one matrix of features instead of named columns.

    Raises:
        DataError: As ``tables.parse_table``.
    """
    arrays: dict[str, npt.NDArray[Any]] = {}
    with zipfile.ZipFile(source) as archive:
        members = archive.infolist()
        names = [member.filename.removesuffix(".npy") for member in members]
        distinct_names(names)
        if schema is not None and len(members) > max(len(schema.features) + 1, 2):
            expect_columns(names, schema)
        bound_bytes(sum(member.file_size for member in members), max_bytes)
        expanded = 0
        for name, member in zip(names, members, strict=True):
            if member.compress_type not in _PACKED:
                raise DataError(f"expected arrays stored or deflated, got another packing of {quoted(name)}")
            arrays[name] = array = _npy(archive.read(member), name)
            expanded += array.size * (TEXT_BYTES + array.itemsize if array.dtype.kind == "U" else 8)
            bound_bytes(expanded, max_bytes)
            bound_records(len(array) if array.ndim else 1, max_records)
    images = next((name for name in ("x", "X") if name in arrays and arrays[name].ndim > 1), None)
    if images is None:
        if schema is not None:
            expect_columns(names, schema)
        return {name: _column(array, name) for name, array in arrays.items()}, None
    x = arrays.pop(images)
    if len(arrays) != 1:
        raise DataError(f"expected one array of labels beside {images!r}, got {listed(arrays) or 'none'}")
    label, y = next(iter(arrays.items()))
    flat = x.reshape(len(x), math.prod(x.shape[1:]))
    if schema is not None:
        expect_width(flat.shape[1], schema)
    if y.shape != (len(flat),):
        raise DataError(f"expected labels ({len(flat)},) for features {_shape(x)}, got {_shape(y)}")
    columns = {f"x{j}": _column(flat[:, j], images) for j in range(flat.shape[1])}
    distinct_names([*columns, label])
    return {**columns, label: _column(y, label)}, label


def _npy(content: bytes, name: str) -> npt.NDArray[Any]:
    stream = io.BytesIO(content)
    version = np.lib.format.read_magic(stream)  # type: ignore[no-untyped-call]
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = read(stream)  # type: ignore[no-untyped-call]
    if dtype.hasobject or dtype.kind not in "fiubU" or dtype.itemsize == 0:
        raise DataError(f"expected arrays of numbers or text, got another type in {quoted(name)}")
    here = len(content) - stream.tell()
    if min(shape, default=1) < 0 or math.prod(shape) * dtype.itemsize != here:
        raise DataError(f"expected as many bytes as the array's shape says, got {here} in {quoted(name)}")
    if here == 0:
        raise DataError(f"expected at least one record and one value in each, got none in {quoted(name)}")
    flat = np.frombuffer(content, dtype=dtype, offset=stream.tell())
    return flat.reshape(shape, order="F" if fortran else "C")


def _column(array: npt.NDArray[Any], name: str) -> Column:
    if array.ndim != 1:
        raise DataError(f"expected a column (n,), got {_shape(array)} in {quoted(name)}")
    if array.dtype.kind in "Ub":
        return array.astype(str).astype(object)
    with np.errstate(over="ignore"):  # a long double may be out of range: infinite, and refused as such
        return array.astype(np.float64)


def _shape(array: npt.NDArray[Any]) -> str:
    return str(array.shape)
