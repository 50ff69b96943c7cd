"""Records: n labelled rows of d features under a schema, with one canonical hash per record.

A hash covers what the model sees of a record and its label, not its bytes in a file: the same record in CSV, NPZ or
Parquet, in any order, with or without columns that are no features, has the same hash. The one-time rule and the search
for exact duplicates use these hashes.
"""

import hashlib
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby

import numpy as np
import numpy.typing as npt

from assay.protocol.schema import Schema
from assay_pricing.errors import DataError
from assay_pricing.records.text import length_prefixed

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

_RECORD_TAG = b"assay/record/v2"
_NAN = np.frombuffer(bytes.fromhex("000000000000f87f"), dtype="<f8")[0]
_HASHED_ROWS = 4096
_HASH_BYTES = 73  # an object of 65 bytes, and the reference to it


@dataclass(frozen=True, eq=False)
class Records:
    """Labelled records of one schema.

    Attributes:
        schema: Meaning of the columns.
        x: Features (n, d). A categorical feature holds the index of its value in ``Feature.categories``; a value that
            the schema does not know has an index past its end, into ``unseen``. A boolean is 0 or 1, a time is in
            seconds since 1970-01-01 UTC, and a missing value is NaN.
        y: Labels (n,): index into ``schema.classes``, or the target of a regression.
        unseen: By index of a categorical feature, its values that the schema does not know.

    Raises:
        DataError: The shapes do not agree with each other or with the schema, a number is not finite, or a value is
            missing that the schema requires.
    """

    schema: Schema
    x: Float64
    y: Float64
    unseen: dict[int, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        d = len(self.schema.features)
        object.__setattr__(self, "x", np.asarray(self.x, dtype=np.float64))
        if self.x.ndim != 2 or self.x.shape[1] != d or self.y.shape != (len(self.x),):
            raise DataError(f"expected features (n, {d}) and labels (n,), got {self.x.shape} and {self.y.shape}")
        if not (np.isfinite(self.x).all() or self._lacks_only_what_it_may()) or not np.isfinite(self.y).all():
            raise DataError("expected finite numbers, got NaN or infinity")
        self.x.setflags(write=False)
        self.y.setflags(write=False)

    def _lacks_only_what_it_may(self) -> bool:
        optional = np.array([f.missing is not None and f.kind != "categorical" for f in self.schema.features])
        return bool((np.isfinite(self.x) | (np.isnan(self.x) & optional)).all())

    @property
    def n(self) -> int:
        """Number of records."""
        return len(self.x)

    def __len__(self) -> int:
        return len(self.x)

    @property
    def nbytes(self) -> int:
        """Memory in bytes that the arrays, the hashes and the texts of unseen values take, without small overheads."""
        texts = sum(sys.getsizeof(text) for values in self.unseen.values() for text in values)
        return self.x.nbytes + self.y.nbytes + self.n * _HASH_BYTES + texts

    def take(self, rows: npt.ArrayLike) -> "Records":
        """The records at ``rows`` (indices or a mask), in that order."""
        chosen = np.asarray(rows)
        return Records(self.schema, self.x[chosen], self.y[chosen], self.unseen)

    def join(self, other: "Records") -> "Records":
        """These records, then ``other``'s.

        Raises:
            DataError: The two have different schemas.
        """
        if other.schema != self.schema:
            raise DataError("expected records of one schema, got two schemas")
        x, unseen = other.x.copy(), dict(self.unseen)
        for column, values in other.unseen.items():
            # The index of an unseen value depends on the file it came from: number ``other``'s values anew.
            known = len(self.schema.features[column].categories)
            merged = {value: code for code, value in enumerate(unseen.get(column, ()), known)}
            codes = np.array([merged.setdefault(value, known + len(merged)) for value in values], dtype=np.float64)
            unseen[column] = tuple(merged)
            foreign = x[:, column] >= known
            x[foreign, column] = codes[x[foreign, column].astype(np.int64) - known]
        return Records(self.schema, np.concatenate([self.x, x]), np.concatenate([self.y, other.y]), unseen)

    def hashes(self) -> tuple[bytes, ...]:
        """Canonical hash of each record, 32 bytes; computed once.

        SHA-256 over a tag and the fields in the schema's order: a number, boolean or time as IEEE 754 double precision,
        little-endian, negative zero as zero, a missing value as the NaN 0x7ff8000000000000; a category or class as its
        length in 4 bytes, little-endian, and its NFC text in UTF-8.
        """
        return self._hashes

    @cached_property
    def _hashes(self) -> tuple[bytes, ...]:
        texts = {
            column: [length_prefixed(value) for value in (*feature.categories, *self.unseen.get(column, ()))]
            for column, feature in enumerate(self.schema.features)
            if feature.kind == "categorical"
        }
        names = [length_prefixed(name) for name in self.schema.classes]
        found: list[bytes] = []
        for start in range(0, self.n, _HASHED_ROWS):
            rows = slice(start, start + _HASHED_ROWS)
            fields = [*_fields(self.x[rows], texts), *_fields(self.y[rows, None], {0: names} if names else {})]
            found += [hashlib.sha256(_RECORD_TAG + b"".join(record)).digest() for record in zip(*fields, strict=True)]
        return tuple(found)

    def content_hash(self) -> bytes:
        """SHA-256 over the sorted distinct record hashes: the same for any order, format and number of copies."""
        return content_hash(self.hashes())


def _fields(x: Float64, texts: dict[int, list[bytes]]) -> Iterator[list[bytes]]:
    """What is hashed of columns (n, d), by row: neighbouring numbers as one, texts by their codes."""
    for is_text, columns in groupby(range(x.shape[1]), texts.__contains__):
        run = list(columns)
        if is_text:
            for column in run:
                yield [texts[column][code] for code in x[:, column].astype(np.int64).tolist()]
            continue
        numbers = np.ascontiguousarray(x[:, run[0] : run[-1] + 1] + 0.0, dtype="<f8")  # -0 + 0 = 0
        numbers[np.isnan(numbers)] = _NAN
        content, width = numbers.tobytes(), 8 * len(run)
        yield [content[start : start + width] for start in range(0, len(content), width)]


def content_hash(hashes: Sequence[bytes]) -> bytes:
    """SHA-256 over sorted distinct record hashes (32 bytes each)."""
    return hashlib.sha256(b"".join(sorted(set(hashes)))).digest()


def distinct(records: Records) -> Records:
    """The first of each set of equal records, in order: copies take no memory and no time."""
    hashes = records.hashes()
    first = {digest: row for row, digest in reversed(list(enumerate(hashes)))}
    return records if len(first) == len(hashes) else records.take(sorted(first.values()))
