"""The pricing process: reads strangers' files and prices them, without keys, ledger or network.

``serve`` starts it as ``python -m assay_oracle.cli.pricing_process CACHE_BYTES MEMORY_BYTES ARTIFACT...`` and talks to
it over its standard input and output. The kernel ends it if an offer takes more than its time or memory.
"""

import logging
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from assay_oracle.appraisers import sandbox
from assay_oracle.cli.process_limits import leave_stops_to_daemon, limit_cpu, limit_memory, standard_channel
from assay_oracle.log import about, set_up

if TYPE_CHECKING:
    from assay_oracle.appraisers.cache import RecordCache
    from assay_oracle.appraisers.inline import InlineAppraiser
    from assay_oracle.appraisers.proving import Proving

log = logging.getLogger(__name__)


def load_inline(artifact: Path, cache: "RecordCache", proving: "Proving | None" = None) -> "InlineAppraiser":
    """The appraiser of an artifact, in this process.

    Raises:
        ArtifactError: The artifact is missing, damaged or altered.
        EncoderError: The file of an encoder is not what the manifest says.
        FidelityError: Its surrogate agrees with its model too rarely.
    """
    from assay_oracle.appraisers.inline import InlineAppraiser
    from assay_pricing.function import PriceFunction
    from assay_pricing.records.tables import parse_records
    from assay_pricing.sums.blind import blind_pricing

    function = PriceFunction.load(artifact)
    function.check_fidelity()
    unlike = function.manifest.unlike_libraries()
    if unlike is not None:
        log.warning(f"{artifact}: {unlike}")
    parse = partial(parse_records, encoders=function.encoders)
    return InlineAppraiser(function, cache, parse=parse, blind=blind_pricing(function), proving=proving)


def main(cache_bytes: int, memory_bytes: int, artifacts: Sequence[str]) -> None:
    """Serves over standard input and output the price functions in ``artifacts``, the only files that it can read."""
    leave_stops_to_daemon()
    set_up()
    limit_memory(memory_bytes)
    held = sandbox.enter(artifacts)  # before the libraries below, which start threads
    from assay_oracle.appraisers.cache import RecordCache
    from assay_oracle.appraisers.worker import Worker

    log.info("pricing process started", extra=about(sandbox=", ".join(held) or "none"))
    cache = RecordCache(cache_bytes)
    Worker(standard_channel(), lambda artifact: load_inline(Path(artifact), cache), limit_cpu).serve()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
