"""Exact duplicates by hash, near duplicates by kernel density.

Exact duplicates are not priced. A near duplicate may add something, so it is kept with a lower weight: the weight of a
record is 1 / max(1, s), where s sums its similarities to the records of the same label in the offer and the base.
Records within the radius r of each other thus share about the weight of one record.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from assay_pricing import similarity
from assay_pricing.appraisal import Verdict
from assay_pricing.learners.nearest import nearest
from assay_pricing.records.records import Float64, Int64
from assay_pricing.surrogate.task import MAX_BASE, Sample

_SALTED_BYTES = 16
_NEAR_QUANTILE = 0.05


def salted_hashes(hashes: Sequence[bytes], salt: bytes) -> Tensor:
    """Salted hashes of the owner's records (m, 16), sorted: they confirm a known record and reveal no other."""
    keyed = sorted({_salted(digest, salt) for digest in hashes})
    return torch.frombuffer(bytearray(b"".join(keyed)), dtype=torch.uint8).reshape(-1, _SALTED_BYTES)


def classify_exact_duplicates(
    hashes: Sequence[bytes], owned: Tensor, salt: bytes, known: frozenset[bytes]
) -> list[Verdict]:
    """Whether each record repeats another, is the owner's, was priced before, or is none of these (``USEFUL``).

    Args:
        hashes: Hashes of the offered records (n).
        owned: ``salted_hashes`` of the owner's records (m, 16).
        salt: Their salt.
        known: Hashes of records priced before.

    Returns:
        Verdicts (n).
    """
    stored = owned.numpy().tobytes()
    owners = {stored[start : start + _SALTED_BYTES] for start in range(0, len(stored), _SALTED_BYTES)}
    seen: set[bytes] = set()
    verdicts = []
    for digest in hashes:
        if digest in seen:
            verdicts.append(Verdict.REPEATED)
        elif _salted(digest, salt) in owners:
            verdicts.append(Verdict.OWNED)
        elif digest in known:
            verdicts.append(Verdict.PRICED)
        else:
            verdicts.append(Verdict.USEFUL)
        seen.add(digest)
    return verdicts


def order(hashes: Sequence[bytes], salt: bytes) -> Int64:
    """Rows in the order of their salted hashes (n,).

    What draws or splits records then depends on the set of them alone, and a seller, who does not know the salt, cannot
    choose which come first.
    """
    keyed = [_salted(digest, salt) for digest in hashes]
    return np.array(sorted(range(len(keyed)), key=keyed.__getitem__), dtype=np.int64)


def near_radius(base: Sample) -> float:
    """Kernel radius: half the 5 % quantile of the distances from records of the base to their nearest neighbours.

    Of many records every second one, or third and so on, is taken.
    """
    distinct = torch.from_numpy(np.unique(base.x.numpy(), axis=0))
    distances = nearest(base.x[:: -(-len(base) // MAX_BASE) or 1], distinct, 2)[0]
    found = torch.where(distances > 0, distances, torch.inf).min(1).values
    found = found[torch.isfinite(found)]
    return float(torch.quantile(found, _NEAR_QUANTILE)) / 2 if len(found) else 0.0


@dataclass(frozen=True)
class Kernel:
    """Similarity of two records of one label: from 1 at distance 0 to 0 at sqrt(8) r, see ``similarity``.

    The kernel is smooth in the distance, so that no small change of a record changes a price by a step.

    Attributes:
        radius: r, in units of the encoder; 0 makes no two records similar.
    """

    radius: float

    def weights(self, offer: Sample, base: Sample) -> Tensor:
        """Weight of each record of the offer (n,): one over its density in offer and base, at most 1."""
        return 1 / (self.density(offer, offer) + self.density(offer, base)).clamp(min=1)

    def density(self, records: Sample, among: Sample) -> Tensor:
        """Sum over ``among`` of the similarities to each record (n,)."""
        if self.radius == 0:
            return torch.zeros(len(records), dtype=torch.float64)
        return similarity.total(records, among, self.radius) / similarity.UNIT

    def compared(self, records: Sample) -> similarity.Compared | None:
        """The records as the parts of a large set are compared with them; None if no two records are similar."""
        return similarity.Compared(records, self.radius) if self.radius else None

    def is_copied(self, records: Sample, offer: Sample) -> Tensor:
        """Whether the offer has a record of the same label within the radius of each of ``records`` (m,)."""
        return self.closest(records, offer) >= similarity.AT_RADIUS

    def closest(self, records: Sample, among: Sample) -> Tensor:
        """The highest similarity of each record to one of ``among`` (n,)."""
        if self.radius == 0:
            return torch.zeros(len(records), dtype=torch.float64)
        return similarity.highest(records, among, self.radius)


def effective_count(weights: Float64) -> int:
    """Number of distinct records that weights (n,) represent, rounded down; 1e-9 allows for rounding of the sum."""
    return max(0, int(np.floor(weights.sum() + 1e-9)))


def _salted(digest: bytes, salt: bytes) -> bytes:
    return hashlib.sha256(salt + digest).digest()[:_SALTED_BYTES]
