"""Fingerprint of the source code that a result depends on: a result of other code is computed again."""

import hashlib
from functools import lru_cache
from pathlib import Path

import assay_bench
import assay_pricing
from assay_bench.pricing.units import Part, Unit

_READERS = ("cli.py", "pricing/cache.py", "pricing/plan.py", "pricing/run.py", "pricing/reporting")
"""Files and folders of ``assay_bench`` that schedule, store and read results, and compute none."""
_WITHOUT_PRICING = (Part.TRUTH, Part.BASELINE, Part.LIBRARY)


def fingerprint(unit: Unit) -> str:
    """First 16 hex digits of the SHA-256 of the code that computes a unit.

    It covers ``assay_bench`` without what only reads results, and ``assay_pricing`` for units that use it.
    """
    return _source_hash(unit.part not in _WITHOUT_PRICING)


@lru_cache
def _source_hash(with_pricing: bool) -> str:
    bench = Path(assay_bench.__file__).parent
    readers = [bench / name for name in _READERS]
    files = [path for path in sources(bench) if not any(path.is_relative_to(reader) for reader in readers)]
    if with_pricing:
        files += sources(Path(assay_pricing.__file__).parent)
    digest = hashlib.sha256()
    for path in files:
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


def sources(package: Path) -> list[Path]:
    """The Python files of a package, in a fixed order."""
    return sorted(package.rglob("*.py"))
