"""E. A model of who is employed, of the year 2015, is offered people of 2018. Boosted trees, text, missing values.

The people are those of the American Community Survey in Massachusetts, as the package nannyml has them. It holds 0
where a question was not asked, for example a child's military service: such a value is missing.
"""

from pathlib import Path

import numpy as np

from assay_bench import packages
from assay_bench.figures import Floats
from assay_bench.pricing.cases.boosting import boosted_case
from assay_bench.pricing.cases.case import Case
from assay_bench.pricing.cases.tables import Rows, Sizes, table_records
from assay_pricing.records.records import Int64, Records

_SIZES = Sizes(owner=1000, offer=1500, validation=1000, test=6000)
_THEN, _NOW = 2015, 2018
_NUMBER = "AGEP"
_NOT_ALWAYS_ASKED = ["SCHL", "ESP", "MIG", "MIL", "DREM"]
_NO_FEATURES = ["id", "year", "employed", "prediction", "predicted_probability"]
_SETTINGS = {"max_iter": 100, "learning_rate": 0.1}


def _survey(cache: Path) -> tuple[Records, Int64, Floats]:
    """All people, the year of each (n,), and which of them are married (n,)."""
    import pandas as pd

    folder = packages.fetch(packages.EMPLOYMENT, cache) / "nannyml" / "datasets" / "data"
    first, later, answers = (
        pd.read_parquet(folder / f"employment_MA_{part}.pq") for part in ("reference", "analysis", "analysis_target")
    )
    table = pd.concat([first, later.merge(answers, on="id")], ignore_index=True)
    columns = table.drop(columns=_NO_FEATURES)
    columns[columns.columns.drop(_NUMBER)] = columns.drop(columns=_NUMBER).astype(object)
    columns[_NOT_ALWAYS_ASKED] = columns[_NOT_ALWAYS_ASKED].where(columns[_NOT_ALWAYS_ASKED] != "0")
    people = table_records(columns, table["employed"].astype(str))
    return people, table["year"].to_numpy(np.int64), (columns["MAR"] == "1").to_numpy(np.float64)


def draw(cache: Path, seed: int) -> Case:
    """One draw of owner, sellers and held-out people; validation and test records are of the later year."""
    rng = np.random.default_rng(seed)
    people, years, married = _survey(cache)
    then, now = (rng.permutation(np.flatnonzero(years == year)) for year in (_THEN, _NOW))
    owner, same = np.split(then[: _SIZES.owner + _SIZES.offer], [_SIZES.owner])
    new, validation, test, _ = np.split(now, np.cumsum([_SIZES.offer, _SIZES.validation, _SIZES.test]))
    rows = Rows(owner, same, new, validation, test)
    return boosted_case(people, rows, married, _SETTINGS | {"random_state": seed}, rng)
