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
_AT_ONCE = 4096
"""Records that are looked at together: their numbers stay in a cache, and nothing as large as all of them is made."""
_HASH_BYTES = 73  # an object of 65 bytes, and the reference to it


@dataclass(frozen=True, eq=False)
class Records:
    """Labelled records of one schema.

    Attributes:
        schema: Meaning of the columns.
        x: Features (n, d), by row or by column in memory. A categorical feature holds the index of its value in
            ``Feature.categories``; a value that the schema does not know has an index past its end, into ``unseen``. A
            boolean is 0 or 1, a time is in seconds since 1970-01-01 UTC, and a missing value is NaN.
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
        if not all(map(self._is_permitted, range(0, self.n, _AT_ONCE))) or not np.isfinite(self.y).all():
            raise DataError("expected finite numbers, got NaN or infinity")
        self.x.setflags(write=False)
        self.y.setflags(write=False)

    def _is_permitted(self, start: int) -> bool:
        """Whether the features of some records are finite, but for values that may be missing."""
        x = self.x[start : start + _AT_ONCE]
        finite = np.isfinite(x)
        if finite.all():
            return True
        optional = np.array([f.missing is not None and f.kind != "categorical" for f in self.schema.features])
        return bool((finite | (np.isnan(x) & optional)).all())

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
        """The records at ``rows`` (indices or a mask), in that order; by row in memory."""
        chosen = np.asarray(rows)
        return Records(self.schema, np.ascontiguousarray(self.x[chosen]), self.y[chosen], self.unseen)

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
        for start in range(0, self.n, _AT_ONCE):
            rows = slice(start, start + _AT_ONCE)
            fields = [*_fields(self.x[rows], texts), *_fields(self.y[rows, None], {0: names} if names else {})]
            found += [hashlib.sha256(_RECORD_TAG + b"".join(record)).digest() for record in zip(*fields, strict=True)]
        return tuple(found)

    def content_hash(self) -> bytes:
        """SHA-256 over the sorted distinct record hashes: the same for any order, format and number of copies."""
        return content_hash(self.hashes())


@dataclass(frozen=True, eq=False)
class Selection:
    """Some of many records, in an order of their own: they are copied in parts, and never all of them.

    Attributes:
        records: All.
        rows: Which of them, (n,).
    """

    records: Records
    rows: Int64

    @property
    def n(self) -> int:
        """Number of records."""
        return len(self.rows)

    @property
    def schema(self) -> Schema:
        """See ``Records``."""
        return self.records.schema

    @property
    def y(self) -> Float64:
        """See ``Records``."""
        return self.records.y[self.rows]

    def take(self, rows: npt.ArrayLike) -> Records:
        """See ``Records.take``."""
        return self.records.take(self.rows[np.asarray(rows)])


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
