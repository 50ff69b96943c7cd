"""Another library's exact influence of an offer of ``n`` records: ``python -m assay_bench.scaling.peers NAME N``."""

import sys

import numpy as np

from assay_bench.pricing.data.parties import Parties, Recipe
from assay_bench.pricing.scorers.libraries import LIBRARIES
from assay_bench.pricing.truth import nets
from assay_bench.scaling.table import OWNER, VALIDATION, generated


def main(name: str, n: int) -> None:
    """Scores an offer for a network of 16 hidden units."""
    base, held = (generated(size, seed) for size, seed in ((OWNER, 0), (VALIDATION, 1)))
    parties = Parties(base, held, held, base, np.zeros(0, dtype=str), (), Recipe(hidden=16), 0)
    LIBRARIES[name](parties, nets.fit(base, parties.recipe, 0), generated(n, 2))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
