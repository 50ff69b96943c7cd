"""Results that earlier runs stored, in the form in which they lie on disk."""

import json
from pathlib import Path

from assay_bench.pricing.results import TruthResult, parse_result
from assay_bench.pricing.units import Unit


def stored_truth(unit: Unit) -> TruthResult:
    """The true gains of a draw of digits with seed 101."""
    stored = json.loads((Path(__file__).parent / unit.file).read_text())
    result = parse_result(unit.part, stored["result"])
    assert isinstance(result, TruthResult)
    return result
