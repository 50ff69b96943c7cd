"""How long a large table takes: to fit in this process, and to appraise by the command of an operator."""

import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from assay_bench.measure import OPERATOR, run_command
from assay_bench.pricing.cases.boosting import boosted
from assay_bench.pricing.cases.tables import table_records
from assay_bench.pricing.results import ScaleResult
from assay_bench.pricing.scorers.gate import is_refused
from assay_bench.pricing.units import Unit
from assay_pricing.fitting import fit
from assay_pricing.records.inputs import to_frame
from assay_pricing.records.records import Records

_RECORDS, _OFFER = 100_000, 1000
_NUMBERS, _TEXTS, _LEVELS = 12, 8, 6


def scale(unit: Unit, _: Path) -> ScaleResult:
    """Seconds for a table of 100,000 records with 20 columns, a fifth of them for validation."""
    table = generated(_RECORDS + _OFFER, unit.seed)
    owner, offer = table.take(np.arange(_RECORDS)), table.take(np.arange(_RECORDS, _RECORDS + _OFFER))
    model = boosted(owner, {"random_state": unit.seed})
    validation = owner.take(np.arange(_RECORDS // 5))
    start = time.perf_counter()
    function = fit(model, owner.take(np.arange(_RECORDS // 5, _RECORDS)), validation=validation, method=unit.name)
    seconds_fit = time.perf_counter() - start
    with tempfile.TemporaryDirectory() as scratch:
        folder, file = Path(scratch) / "price", Path(scratch) / "offer.parquet"
        function.save(folder)
        labels = np.array(offer.schema.classes)[offer.y.astype(np.int64)]
        to_frame(offer.schema, offer.x).assign(**{offer.schema.label: labels}).to_parquet(file)
        return ScaleResult(
            records=_RECORDS,
            columns=len(owner.schema.features),
            seconds_fit=seconds_fit,
            seconds_start=run_command([*OPERATOR, "inspect", str(folder)]).clock,
            seconds_appraise=None
            if is_refused(function)
            else run_command([*OPERATOR, "appraise", str(folder), str(file)]).clock,
        )


def generated(n: int, seed: int) -> Records:
    """A table (n, 20) of two classes: numbers and text, whose log-odds are a sum of smooth and of stepped effects."""
    rng = np.random.default_rng(seed)
    numbers, texts = rng.normal(size=(n, _NUMBERS)), rng.integers(0, _LEVELS, (n, _TEXTS))
    effects = rng.normal(size=(_TEXTS, _LEVELS))
    score = numbers @ rng.normal(size=_NUMBERS) + np.sin(2 * numbers[:, 0]) + effects[np.arange(_TEXTS), texts].sum(1)
    label = np.where(rng.random(n) < 1 / (1 + np.exp(-score)), "yes", "no")
    columns = {f"number_{j}": numbers[:, j] for j in range(_NUMBERS)}
    columns |= {f"text_{j}": np.array([f"level {i}" for i in texts[:, j]], dtype=object) for j in range(_TEXTS)}
    return table_records(pd.DataFrame(columns), pd.Series(label, name="answer"))
