"""Records that are easy to price: lines of text at a price per line, and points around three corners."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, BinaryIO

import numpy as np

from assay.protocol.function.published import function_hash
from assay.protocol.schema import Feature, Schema
from assay_pricing.errors import DataError

PRICE_PER_RECORD = 10**15
MAX_PRICE = 10**17
SCHEMA = Schema(task="classification", features=(Feature(name="x"),), label="y", classes=("0", "1"))


@dataclass
class Lines:
    """Records are lines of text; ``!`` makes one malformed. Blank lines and order do not matter."""

    lines: list[bytes]

    @property
    def n(self) -> int:
        return len(self.lines)

    @property
    def nbytes(self) -> int:
        return sum(map(len, self.lines))

    def hashes(self) -> tuple[bytes, ...]:
        return tuple(hashlib.sha256(line).digest() for line in self.lines)

    def take(self, rows: Sequence[int]) -> "Lines":
        return Lines([self.lines[row] for row in rows])

    def join(self, other: "Lines") -> "Lines":
        return Lines(self.lines + other.lines)


def parse_lines(source: BinaryIO, schema: Schema) -> Lines:
    assert schema == SCHEMA
    lines = [line.strip() for line in source.read().splitlines() if line.strip()]
    if not lines or any(b"!" in line for line in lines):
        raise DataError("expected good lines, got a bad one", hint="mend it")
    return Lines(lines)


@dataclass
class LineAppraisal:
    price: int
    records: int
    priced: int
    fidelity: float = 0.97
    seller_reasons: tuple[str, ...] = ("counted",)

    def canonical_json(self) -> bytes:
        return json.dumps([self.price, self.records, self.priced]).encode()

    def digest(self) -> bytes:
        return hashlib.sha256(self.canonical_json()).digest()


@dataclass
class LinePrices:
    """Pays ``PRICE_PER_RECORD`` for each distinct record that was not priced before, and nothing for ``junk``.

    A record that begins with the word of a context record, or of one sold before, is a near copy, and worth nothing.
    """

    schema: Schema = SCHEMA
    method: None = None
    calls: int = 0
    before: Callable[[], None] = lambda: None

    @property
    def hash(self) -> bytes:
        return bytes(self.manifest.hash)

    @property
    def manifest(self) -> Any:
        rule = SimpleNamespace(kind="graded", cap=2**96 - 1, grid=10**9)
        found: dict[str, Any] = {"metric": "log_loss", "method": "lines", "fidelity": 0.97, "sums": None}
        published = found | {"schema": self.schema.model_dump(mode="json"), "pricing": rule.kind}
        published |= {"price_cap": str(rule.cap), "price_grid": str(rule.grid)}
        remainder = hashlib.sha256(b"line prices").digest()
        hashes = {"hash": function_hash(published, remainder), "remainder": remainder}
        return SimpleNamespace(schema_=self.schema, rule=rule, unlike_libraries=lambda: None, **found, **hashes)

    def appraise(
        self,
        records: Lines,
        *,
        known: frozenset[bytes] = frozenset(),
        context: Lines | None = None,
        sold: Lines | None = None,
    ) -> LineAppraisal:
        self.calls += 1
        self.before()
        fresh = {line for line in records.lines if hashlib.sha256(line).digest() not in known}
        near = {line.split()[0] for other in (context, sold) if other for line in other.lines}
        worth = [line for line in fresh if not line.startswith(b"junk") and line.split()[0] not in near]
        return LineAppraisal(price=len(worth) * PRICE_PER_RECORD, records=records.n, priced=len(fresh))


def blobs(seed: int, n: int, classes: tuple[int, ...] = (0, 1, 2)) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Points around three corners of a triangle, labelled by their corner."""
    random = np.random.default_rng(seed)
    y = random.choice(classes, size=n)
    corners = np.array([[0.0, 0.0], [3.0, 0.0], [0.0, 3.0]])
    return (corners[y] + random.normal(size=(n, 2))).astype(np.float32), y


def csv(seed: int, n: int, classes: tuple[int, ...] = (0, 1, 2)) -> bytes:
    x, y = blobs(seed, n, classes)
    return b"x0,x1,y\n" + b"".join(b"%r,%r,%d\n" % (float(a), float(b), c) for (a, b), c in zip(x, y, strict=True))
