"""Copies: exact ones by hash, near ones by how much company a record has.

A near copy is not thrown away: a repost or another photograph of the same thing may add something. Records that lie
within a radius of each other, under the same label, share the weight of one, and the set is priced with those weights.
"""

import hashlib
import math
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from assay_pricing.appraisal import Verdict
from assay_pricing.records.records import Float64
from assay_pricing.surrogate.task import Sample

_SALTED_BYTES = 16
_NEAR_QUANTILE = 0.05
_SAME_TARGET = 0.1  # of the targets' spread, for a regression
_CHUNK = 512


def salted(hashes: Sequence[bytes], salt: bytes) -> Tensor:
    """Salted hashes of the owner's records (m, 16), sorted: they tell of a record that one holds, not what there is."""
    keyed = sorted({hashlib.sha256(salt + digest).digest()[:_SALTED_BYTES] for digest in hashes})
    return torch.frombuffer(bytearray(b"".join(keyed)), dtype=torch.uint8).reshape(-1, _SALTED_BYTES)


def classify_exact_duplicates(
    hashes: Sequence[bytes], owned: Tensor, salt: bytes, known: frozenset[bytes]
) -> list[Verdict]:
    """Whether each record repeats another, is the owner's, was priced before, or is new (n).

    Args:
        hashes: Hashes of the offered records (n).
        owned: ``salted`` hashes of the owner's records.
        salt: Their salt.
        known: Hashes of records priced before.
    """
    theirs = {bytes(row) for row in owned.numpy()}
    seen: set[bytes] = set()
    verdicts = []
    for digest in hashes:
        if digest in seen:
            verdicts.append(Verdict.REPEATED)
        elif hashlib.sha256(salt + digest).digest()[:_SALTED_BYTES] in theirs:
            verdicts.append(Verdict.OWNED)
        elif digest in known:
            verdicts.append(Verdict.PRICED)
        else:
            verdicts.append(Verdict.USEFUL)
        seen.add(digest)
    return verdicts


def near_radius(base: Sample) -> float:
    """Distance within which records are near copies: half of what the closest 5 % of the owner's pairs have."""
    nearest = []
    for start in range(0, len(base), _CHUNK):
        distances = _distances(base.x[start : start + _CHUNK], base.x)
        distances[distances == 0] = torch.inf
        nearest.append(distances.min(1).values)
    found = torch.cat(nearest)
    found = found[torch.isfinite(found)]
    return float(torch.quantile(found, _NEAR_QUANTILE)) / 2 if len(found) else 0.0


def shares(offer: Sample, base: Sample, radius: float, *, classes: bool) -> Tensor:
    """Weight of each offered record (n,): one over the company that it has in the offer and among the owner's records.

    Company fades with distance as a Gaussian of the radius, so that no step in distance changes a price by a step.
    """
    if radius == 0:
        return torch.ones(len(offer), dtype=torch.float64)
    company = torch.zeros(len(offer), dtype=torch.float64)
    for other in (offer, base):
        for rows, near in _nearness(offer, other, radius, classes=classes):
            company[rows] += near.sum(1)
    return 1 / company.clamp(min=1)


def copied(sold: Sample, offer: Sample, radius: float, *, classes: bool) -> Tensor:
    """Whether a record of the offer lies within the radius, under the same label, of each of those sold before (m,)."""
    found = torch.zeros(len(sold), dtype=torch.bool)
    if radius > 0 and len(offer):
        for rows, near in _nearness(sold, offer, radius, classes=classes):
            found[rows] = near.max(1).values >= math.exp(-0.5)
    return found


def _nearness(offer: Sample, other: Sample, radius: float, *, classes: bool) -> Iterator[tuple[slice, Tensor]]:
    """In blocks of rows: how near each offered record is to each other one of the same label, (rows, m), 0..1."""
    for start in range(0, len(offer), _CHUNK):
        rows = slice(start, start + _CHUNK)
        y = offer.y[rows, None]
        same = (y == other.y) if classes else ((y - other.y).abs() < _SAME_TARGET)
        yield rows, torch.exp(-_squares(offer.x[rows], other.x) / (2 * radius**2)) * same


def distinct(weights: Float64) -> int:
    """How many distinct records weights (n,) stand for, rounded down; 1e-9 forgives the sum's last bits."""
    return max(0, int(np.floor(weights.sum() + 1e-9)))


def _squares(a: Tensor, b: Tensor) -> Tensor:
    """Squared distances (n, m) by one product; between equal rows not zero but within rounding of it."""
    return ((a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T).clamp(min=0)


def _distances(a: Tensor, b: Tensor) -> Tensor:
    """Euclidean distances (n, m), without the cancellation of the faster form: equal rows have distance zero."""
    return torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist")
