"""A second evaluator of the integer price format, written from ``docs/price-format.md`` alone: plain Python."""

import hashlib
import math
from fractions import Fraction
from typing import Any

Rows = list[list[int]]


def inputs(spec: dict[str, Any], row: list[float]) -> list[int]:
    found = []
    for column, value in zip(spec["columns"], row, strict=True):
        if column["values"]:
            found += [32 if value == i else 0 for i in range(column["values"])]
            continue
        missing = math.isnan(value)
        steps = 0 if missing else math.floor((value - column["centre"]) / column["step"] + 0.5)
        found.append(max(-127, min(127, steps)))
        if column["may_lack"]:
            found.append(32 if missing else 0)
    return found


def label(spec: dict[str, Any], y: float) -> list[int]:
    if spec["label"] is None:
        return [1 if y == i else 0 for i in range(len(spec["classes"]))]
    steps = math.floor((y - spec["label"]["centre"]) / spec["label"]["step"] + 0.5)
    return [max(-1024, min(1024, steps))]


def features(spec: dict[str, Any], codes: list[int]) -> list[int]:
    seed = bytes.fromhex(spec["seed"][2:])
    w, waves = len(codes), spec["waves"]
    stream = b""
    while len(stream) < waves * (8 * w + 2):
        index = len(stream) // 32
        stream += hashlib.sha256(b"assay/features/2" + seed + index.to_bytes(4, "little")).digest()
    found = [spec["constant"], *(codes if spec["linear"] else [])]
    for wave in range(waves):
        coordinates = [sum(stream[(wave * w + j) * 8 : (wave * w + j) * 8 + 8]) - 1020 for j in range(w)]
        at = waves * w * 8 + 2 * wave
        phase = int.from_bytes(stream[at : at + 2], "little") % 1024
        z = sum(c * x for c, x in zip(coordinates, codes, strict=True))
        turn = ((z * spec["frequency"] >> 16) + phase) % 1024
        found.append(round(spec["amplitude"] * math.cos(2 * math.pi * turn / 1024)))
    along = [sum(a * f for a, f in zip(axis, found, strict=True)) for axis in spec["axes"]]
    taken = [sum(axis[j] * length for axis, length in zip(spec["axes"], along, strict=True)) for j in range(len(found))]
    return [max(-127, min(127, f - ((2 * t + 2**24) // 2**25))) for f, t in zip(found, taken, strict=True)]


def solved(system: Rows, right: Rows) -> list[list[Fraction]]:
    """Gauss and Jordan's elimination; the system is positive definite."""
    rows = [[Fraction(v) for v in (*a, *b)] for a, b in zip(system, right, strict=True)]
    for i in range(len(rows)):
        pivot = next(j for j in range(i, len(rows)) if rows[j][i])
        rows[i], rows[pivot] = rows[pivot], rows[i]
        rows[i] = [v / rows[i][i] for v in rows[i]]
        for j in range(len(rows)):
            if j != i and rows[j][i]:
                factor = rows[j][i]
                rows[j] = [a - factor * b for a, b in zip(rows[j], rows[i], strict=True)]
    return [row[len(system) :] for row in rows]


def rounded(values: list[list[Fraction]], bits: int) -> Rows:
    return [[math.floor(v * 2**bits + Fraction(1, 2)) for v in row] for row in values]


def statistics(terms: dict[str, Any], phi: Rows, labels: Rows) -> tuple[Rows, Rows]:
    """Q and U of records by their features and labels."""
    d, k, c = len(phi[0]), len(labels[0]), terms["damping"]
    system = [[sum(p[i] * p[j] for p in phi) + (c if i == j else 0) for j in range(d)] for i in range(d)]
    right = [[sum(p[i] * y[j] for p, y in zip(phi, labels, strict=True)) for j in range(k)] for i in range(d)]
    left = rounded(solved(system, [[c if i == j else 0 for j in range(d)] for i in range(d)]), terms["shrinkage_bits"])
    whole = 2 ** terms["shrinkage_bits"]
    shrinkage = [[(whole if i == j else 0) - left[i][j] for j in range(d)] for i in range(d)]
    return shrinkage, rounded(solved(system, right), terms["solution_bits"])


def doubled_price(spec: dict[str, Any], x: list[list[float]], y: list[float]) -> int:
    """The doubled price of distinct records by the file's JSON."""
    terms = spec["terms"]
    columns = terms["features"]["inputs"]
    phi = [features(terms["features"], inputs(columns, row)) for row in x]
    q, u = statistics(terms, phi, [label(columns, value) for value in y])
    d, k = len(u), len(u[0])
    p, h, curved = spec["weights"], spec["linear"], spec["quadratic"]
    r = [[u[i][j] - sum(q[i][m] * p[m][j] for m in range(d)) for j in range(k)] for i in range(d)]
    first = sum(h[i][j] * r[i][j] for i in range(d) for j in range(k))
    second = sum(curved[i][m] * r[i][j] * r[m][j] for i in range(d) for m in range(d) for j in range(k))
    return -2 * first - second
