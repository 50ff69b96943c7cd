"""F. A regression of hourly bicycle rentals in the cold half of the year is offered the warm half. Boosted trees.

The hours are those of a year in Washington, as the package ISLP has them. A humidity of 0 is a sensor that failed, and
a wind speed of 0 is below what the sensor reads: both are missing. The label is the natural logarithm of the rentals,
and a gain is in squared units of it.
"""

from pathlib import Path

import numpy as np

from assay_bench import packages
from assay_bench.figures import Floats, Mask
from assay_bench.pricing.cases.boosting import boosted_case
from assay_bench.pricing.cases.case import Case
from assay_bench.pricing.cases.tables import Sizes, table_records, two_populations
from assay_pricing.records.records import Records

_SIZES = Sizes(owner=1200, offer=1000, validation=800, test=2500)
_SEASONS = {1: "winter", 2: "spring", 3: "summer", 4: "autumn"}
_COLD = ("winter", "spring")
_NO_FEATURES = ["day", "casual", "registered", "bikers"]
_SENSORS = ["hum", "windspeed"]
_SETTINGS = {"max_iter": 150, "learning_rate": 0.1}


def _rentals(cache: Path) -> tuple[Records, Mask, Floats]:
    """All hours, which of them are in the cold half (n,), and the logarithm of casual users' rentals plus one (n,)."""
    import pandas as pd

    table = pd.read_csv(packages.fetch(packages.BIKES, cache) / "ISLP" / "data" / "Bikeshare.csv")
    columns = table.drop(columns=_NO_FEATURES)
    columns["season"] = columns["season"].map(_SEASONS)
    columns["weekday"] = columns["weekday"].astype(str)
    columns[_SENSORS] = columns[_SENSORS].where(columns[_SENSORS] > 0)
    hours = table_records(columns, np.log(table["bikers"]).rename("log_bikers"))
    return hours, columns["season"].isin(_COLD).to_numpy(), np.log1p(table["casual"]).to_numpy(np.float64)


def draw(cache: Path, seed: int) -> Case:
    """One draw of owner, sellers and held-out hours, half of them from each half of the year."""
    rng = np.random.default_rng(seed)
    hours, cold, casual = _rentals(cache)
    rows = two_populations(cold, _SIZES, rng)
    return boosted_case(hours, rows, casual, _SETTINGS | {"random_state": seed}, rng)
