"""What the daemon and the chain know of a price function, out of its manifest."""

from assay.protocol.messages import BlindTerms, DataLimits
from assay_oracle.services.appraiser import FunctionInfo
from assay_pricing.manifest import Manifest
from assay_pricing.records.bounds import MAX_EXPANDED_BYTES, MAX_RECORDS


def info_of(manifest: Manifest, blind: BlindTerms | None = None, *, is_proven: bool = False) -> FunctionInfo:
    """The price function that ``manifest`` states, with the sizes of its blind prices if it has these."""
    return FunctionInfo(
        hash=manifest.hash,
        schema=manifest.schema_,
        metric=manifest.metric,
        pricing=manifest.rule.kind,
        method=manifest.method,
        fidelity=manifest.fidelity,
        limits=DataLimits(records=MAX_RECORDS, expanded_bytes=MAX_EXPANDED_BYTES),
        cap=manifest.rule.cap,
        grid=manifest.rule.grid,
        blind=blind,
        sums=manifest.sums,
        remainder=manifest.remainder,
        is_proven=is_proven,
    )
