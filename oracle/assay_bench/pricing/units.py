"""Units of work: what one process computes at a time, and what is kept of it. A unit's result is plain JSON values.

A unit names its data set, setting, seed and part. Scores are kept rather than figures: figures can be drawn again.
"""

import hashlib
import importlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

import assay_pricing
from assay_bench.errors import LibraryMissing
from assay_bench.pricing import attacks
from assay_bench.pricing.cases import CASES
from assay_bench.pricing.data import dataset, parties
from assay_bench.pricing.data.dataset import Dataset
from assay_bench.pricing.data.parties import SIZES, Parties
from assay_bench.pricing.scorers import baselines
from assay_bench.pricing.scorers.libraries import LIBRARIES
from assay_bench.pricing.scorers.pricer import Pricer
from assay_bench.pricing.truth import gains, nets
from assay_bench.pricing.truth.nets import Nets
from assay_pricing import methods
from assay_pricing.function import fit

BUDGETS = (100, 300)
_SPEED_RECORDS, _SPEED_ROUNDS = 1000, 3
_RANDOM_PURCHASES = 3
_COPIED_RECORDS = 8

Result = dict[str, Any]


@dataclass(frozen=True, order=True)
class Unit:
    """One piece of work.

    Attributes:
        part: What is computed, a key of ``_PARTS``.
        data: Data set, or case.
        setting: ``shift``, ``iid``, or ``-`` where there is but one.
        seed: What everything is drawn with.
        name: Baseline, rival or method; empty elsewhere.
    """

    part: str
    data: str
    setting: str
    seed: int
    name: str = ""

    @property
    def file(self) -> str:
        """Name of the file that keeps its result."""
        return f"{self.part}.{self.data}.{self.setting}.{self.seed}{'.' + self.name if self.name else ''}.json"

    @property
    def alone(self) -> bool:
        """It measures seconds that have a goal: nothing may run beside it."""
        return self.part == "speed"

    @property
    def fingerprint(self) -> str:
        """Hash of the code that the result depends on: a result of other code is computed anew."""
        uses_pricing = self.part not in ("truth", "baseline", "rival")
        return _source_hash(uses_pricing)

    def run(self, cache: Path) -> Result:
        """Computes the unit.

        Raises:
            BenchError: data that it needs cannot be had.
        """
        return _PARTS[self.part](self, cache)


@lru_cache
def _source_hash(with_pricing: bool) -> str:
    root = Path(assay_pricing.__file__).parents[1]
    told = {"report.py", "summary.py", "run.py", "plots.py"}  # these read results and make none
    files = [p for p in sorted((root / "assay_bench").rglob("*.py")) if p.name not in told]
    if with_pricing:
        files += sorted((root / "assay_pricing").rglob("*.py"))
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


@lru_cache(maxsize=2)
def _setup(name: str, setting: str, seed: int, cache: Path) -> tuple[Parties, Nets]:
    drawn = parties.draw(dataset.load(name, cache), SIZES[name], setting, seed)
    return drawn, gains.true_model(drawn)


def _truth(unit: Unit, cache: Path) -> Result:
    drawn, model = _setup(unit.data, unit.setting, unit.seed, cache)
    start = time.perf_counter()
    points = gains.record_gains(drawn, model)
    middle = time.perf_counter()
    sets = gains.set_gains(drawn, drawn.batches)
    return {
        "kinds": drawn.kinds.tolist(),
        "update": points.update.tolist(),
        "validation": points.validation.tolist(),
        "test": points.test.tolist(),
        "sets_validation": sets.validation.tolist(),
        "sets_test": sets.test.tolist(),
        "seconds_points": middle - start,
        "seconds_sets": time.perf_counter() - middle,
        "accuracy": nets.accuracy(model, drawn.test) if drawn.base.classes else None,
        "test_loss": float(nets.mean_loss(model, drawn.test)[0]),
    }


def _baseline(unit: Unit, cache: Path) -> Result:
    drawn, model = _setup(unit.data, unit.setting, unit.seed, cache)
    score = baselines.BASELINES[unit.name]
    start = time.perf_counter()
    points = score(drawn, model, drawn.offer)
    seconds = time.perf_counter() - start
    sets = None
    if unit.name in baselines.OF_SETS:
        sets = [float(score(drawn, model, batch).sum()) for batch in drawn.batches]
    return {"points": points.tolist(), "sets": sets, "seconds_fit": 0.0, "seconds_points": seconds}


def _rival(unit: Unit, cache: Path) -> Result:
    drawn, model = _setup(unit.data, unit.setting, unit.seed, cache)
    try:
        points, fit_seconds, seconds = LIBRARIES[unit.name](drawn, model, drawn.offer)
    except LibraryMissing as error:
        return {"missing": str(error)}
    return {"points": points.tolist(), "sets": None, "seconds_fit": fit_seconds, "seconds_points": seconds}


def _method(unit: Unit, cache: Path) -> Result:
    """Scores of a method; in the part ``labels`` it is shown the model's labels alone."""
    drawn, model = _setup(unit.data, unit.setting, unit.seed, cache)
    labels_only = unit.part == "labels"
    pricer = Pricer.of(drawn, model, unit.name, labels_only=labels_only)
    start = time.perf_counter()
    points = pricer.points(drawn.offer)
    middle = time.perf_counter()
    sets = [pricer.set_value(batch) for batch in drawn.batches]
    seconds_sets = (time.perf_counter() - middle) / max(len(drawn.batches), 1)
    return {
        "points": points.tolist(),
        "paid_points": pricer.paid_points(drawn.offer).tolist(),
        "gate": pricer.gate(drawn.offer).tolist(),
        "sets": sets,
        "seconds_fit": pricer.fit_seconds,
        "seconds_points": middle - start,
        "seconds_set": seconds_sets,
        "fidelity": pricer.function.fidelity,
        "refused": pricer.refused,
        "label_only": labels_only or pricer.function.manifest.label_only,
    }


def _copies(unit: Unit, cache: Path) -> Result:
    """What one good record is paid, and twenty copies of it, for the records of highest true gain."""
    drawn, model = _setup(unit.data, unit.setting, unit.seed, cache)
    pricer = Pricer.of(drawn, model, unit.name)
    true = gains.record_gains(drawn, model).validation
    fresh = np.flatnonzero(drawn.kinds == parties.FRESH)
    best = fresh[np.argsort(-true[fresh])][:_COPIED_RECORDS]
    chosen = [drawn.offer.take([i]) for i in best]
    return {
        "one": [pricer.set_value(record) for record in chosen],
        "exact": [pricer.set_value(attacks.copies(record, drawn, near=False)) for record in chosen],
        "near": [pricer.set_value(attacks.copies(record, drawn, near=True)) for record in chosen],
    }


def _attacks(unit: Unit, cache: Path) -> Result:
    """Money paid and true gain (validation and test), for honest sets and for what attackers make of them."""
    drawn, model = _setup(unit.data, unit.setting, unit.seed, cache)
    pricer = Pricer.of(drawn, model, unit.name)
    made = attacks.attacks(drawn, model)
    result: Result = {}
    for kind in ("honest", "crafted", "outliers", "split"):
        tables: tuple[Dataset, ...] = getattr(made, kind)
        true = gains.set_gains(drawn, tables)
        paid = [_paid_singly(pricer, table) if kind == "split" else pricer.paid(table) for table in tables]
        result[kind] = {"paid": paid, "validation": true.gain_v.tolist(), "test": true.gain_t.tolist()}
    return result


def _paid_singly(pricer: Pricer, table: Dataset) -> float:
    """Every record is offered under another identity, one after the other; the oracle knows what came before."""
    return sum(pricer.paid(table.take([i]), table.take(np.arange(i)) if i else None) for i in range(len(table)))


def _purchase(unit: Unit, cache: Path) -> Result:
    """Accuracy of the true model retrained on the base and the best-scored records of the offer.

    Buying at random is the mean of several draws: all other purchases are compared with it.
    """
    drawn, model = _setup(unit.data, unit.setting, unit.seed, cache)
    rng = np.random.default_rng(drawn.seed)
    if unit.name == "random":
        ranked = [rng.permutation(len(drawn.offer)) for _ in range(_RANDOM_PURCHASES)]
    elif unit.name in baselines.BASELINES:
        ranked = [np.argsort(-baselines.BASELINES[unit.name](drawn, model, drawn.offer), kind="stable")]
    else:
        ranked = [np.argsort(-Pricer.of(drawn, model, unit.name).points(drawn.offer), kind="stable")]
    result: Result = {"nothing": nets.accuracy(model, drawn.test)}
    for budget in BUDGETS:
        bought = [order[:budget] for order in ranked]
        trained = [nets.fit(drawn.base.plus(drawn.offer.take(b)), drawn.recipe, drawn.seed) for b in bought]
        result[str(budget)] = float(np.mean([nets.accuracy(one, drawn.test) for one in trained]))
        result[f"junk_{budget}"] = float(np.isin(drawn.kinds[np.stack(bought)], parties.UNPAID).mean())
    return result


def _speed(unit: Unit, cache: Path) -> Result:
    """Seconds to price 1,000 records, and to train the model once on what the owner has."""
    drawn, model = _setup(unit.data, unit.setting, unit.seed, cache)
    pricer = Pricer.of(drawn, model, unit.name)
    offer = drawn.offer.take(np.arange(_SPEED_RECORDS))
    training, pricing = [], []
    for _ in range(_SPEED_ROUNDS):  # by turns, so that a busy moment of the machine weighs on both
        start = time.perf_counter()
        gains.true_model(drawn)
        middle = time.perf_counter()
        pricer.paid(offer)
        training.append(middle - start)
        pricing.append(time.perf_counter() - middle)
    return {
        "parameters": int(model.flat().shape[1]),
        "seconds": float(np.median(pricing)),
        "training": float(np.median(training)),
        "fit": pricer.fit_seconds,
        "refused": pricer.refused,
    }


def _case(unit: Unit, cache: Path) -> Result:
    """Price and true gain of every seller of a real case."""
    case = importlib.import_module(f"assay_bench.pricing.cases.{unit.data}")
    drawn = case.draw(cache, unit.seed)
    start = time.perf_counter()
    function = fit(drawn.model, drawn.owner, validation=drawn.validation, method=unit.name)
    result: Result = {"fidelity": function.fidelity, "seconds_fit": time.perf_counter() - start, "sellers": {}}
    for seller, offer in drawn.sellers.items():
        start = time.perf_counter()
        appraisal = function.appraise(offer)
        seconds = time.perf_counter() - start
        result["sellers"][seller] = {
            "records": offer.n,
            "price": appraisal.price,
            "set_value": appraisal.set_value,
            "gain": drawn.gain(offer),
            "seconds": seconds,
        }
    return result


_PARTS: dict[str, Callable[[Unit, Path], Result]] = {
    "truth": _truth,
    "baseline": _baseline,
    "rival": _rival,
    "method": _method,
    "labels": _method,
    "copies": _copies,
    "attacks": _attacks,
    "purchase": _purchase,
    "speed": _speed,
    "case": _case,
}


def plan(seeds: tuple[int, ...], only: tuple[str, ...] = (), quick: bool = False) -> list[Unit]:
    """Every unit of a run, those that the summary needs first.

    Args:
        seeds: Of every part.
        only: Data sets and cases to keep; all where empty.
        quick: Digits alone, the default method, and the same where the model gives labels alone.
    """
    units: list[Unit] = []
    for seed in seeds:
        units += _digits(seed)
    if not quick:
        for seed in seeds:
            units += _summarised(seed)
        for seed in seeds[:_COMPARED_SEEDS]:
            for table in ("digits", "breast_cancer", "wine", "diabetes"):
                units += _compared(table, seed)
    return [unit for unit in dict.fromkeys(units) if not only or unit.data in only]


_COMPARED_SEEDS = 3
"""Seeds of the tables that compare all methods; the summary has all seeds."""
_BOUGHT_BY = ("random", "loss", "knn_shapley")


def _digits(seed: int) -> list[Unit]:
    """What the quick form has, too."""
    units = []
    for setting in parties.SETTINGS:
        units.append(Unit("truth", "digits", setting, seed))
        units += [Unit(part, "digits", setting, seed, methods.DEFAULT) for part in ("method", "labels")]
    return [*units, Unit("copies", "digits", "shift", seed, methods.DEFAULT)]


def _summarised(seed: int) -> list[Unit]:
    """The rest of the summary, and the real cases."""
    default = methods.DEFAULT
    units = [Unit("case", name, "-", seed, default) for name in CASES]
    units += [Unit("rival", "digits", setting, seed, name) for setting in parties.SETTINGS for name in LIBRARIES]
    # The owner of the purchases lacks classes: one who has everything gains little from a hundred more records.
    units += [Unit("purchase", "mnist_5k", "shift", seed, name) for name in (default, *_BOUGHT_BY)]
    return [
        *units,
        Unit("speed", "mnist_5k", "shift", seed, default),
        Unit("attacks", "digits", "shift", seed, default),
    ]


def _compared(table: str, seed: int) -> list[Unit]:
    """Every method and baseline beside each other."""
    units = []
    for setting in parties.SETTINGS:
        units.append(Unit("truth", table, setting, seed))
        units += [Unit("method", table, setting, seed, name) for name in methods.names()]
        units += [
            Unit("baseline", table, setting, seed, name)
            for name in baselines.BASELINES
            if table != "diabetes" or name not in baselines.CLASSIFICATION_ONLY
        ]
    return units
