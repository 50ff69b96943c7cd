"""The plan of a run: which units it has, in which order."""

from collections.abc import Iterator

from assay_bench.pricing.cases import CASES
from assay_bench.pricing.data.parties import SETTINGS
from assay_bench.pricing.scorers.baselines import BASELINES, CLASSIFICATION_ONLY
from assay_bench.pricing.scorers.libraries import LIBRARIES
from assay_bench.pricing.units import BESIDE, Part, Unit
from assay_pricing import methods

_COMPARED = ("digits", "breast_cancer", "wine", "diabetes")
_COMPARED_SEEDS = 3
"""Seeds of the tables that compare all methods; the summary uses all seeds."""
_TIMED_SEEDS = 2
"""Seeds of the large table, which takes minutes in which no other unit may run."""
_BUYERS = (methods.DEFAULT, "random", "loss", "knn_shapley")


def plan(seeds: tuple[int, ...], only: tuple[str, ...] = (), *, quick: bool = False) -> list[Unit]:
    """All units of a run, the most important first: the real cases, the rest of the summary, the comparison.

    A run that ends early has every case at its first seeds.

    Args:
        seeds: Seeds of every part.
        only: Data sets and cases to keep; empty keeps all.
        quick: Digits alone, with the default method and the same method fitted to labels alone.
    """
    if quick:
        units = [unit for seed in seeds for unit in _digits(seed)]
    else:
        units = [Unit(Part.CASE, name, "-", seed, methods.DEFAULT) for seed in seeds for name in CASES]
        units += [unit for seed in seeds for unit in (*_digits(seed), *_summary(seed))]
        units += [Unit(Part.CASE, name, "-", seed, beside) for seed in seeds[:1] for name in CASES for beside in BESIDE]
        units += [Unit(Part.SCALE, "large_table", "-", seed, methods.DEFAULT) for seed in seeds[:_TIMED_SEEDS]]
        units += [Unit(Part.SPEED, "mnist_5k", "shift", seed, methods.DEFAULT) for seed in seeds]
        units += [unit for seed in seeds[:_COMPARED_SEEDS] for name in _COMPARED for unit in _comparison(name, seed)]
    return [unit for unit in dict.fromkeys(units) if not only or unit.data in only]


def _digits(seed: int) -> Iterator[Unit]:
    """The units of a quick run."""
    for setting in SETTINGS:
        yield Unit(Part.TRUTH, "digits", setting, seed)
        yield Unit(Part.METHOD, "digits", setting, seed, methods.DEFAULT)
        yield Unit(Part.LABELS, "digits", setting, seed, methods.DEFAULT)
    yield Unit(Part.COPIES, "digits", "shift", seed, methods.DEFAULT)


def _summary(seed: int) -> Iterator[Unit]:
    """The other figures of the summary, without those of time."""
    for setting in SETTINGS:
        for name in BESIDE:
            yield Unit(Part.METHOD, "digits", setting, seed, name)
        for name in LIBRARIES:
            yield Unit(Part.LIBRARY, "digits", setting, seed, name)
    # Only in `shift` does the owner lack classes; an owner who has all of them gains little from 100 records.
    for name in _BUYERS:
        yield Unit(Part.PURCHASE, "mnist_5k", "shift", seed, name)
    yield Unit(Part.ATTACKS, "digits", "shift", seed, methods.DEFAULT)


def _comparison(data: str, seed: int) -> Iterator[Unit]:
    """Every method and every baseline on one data set."""
    for setting in SETTINGS:
        yield Unit(Part.TRUTH, data, setting, seed)
        for name in methods.names():
            yield Unit(Part.METHOD, data, setting, seed, name)
        for name in BASELINES:
            if data != "diabetes" or name not in CLASSIFICATION_ONLY:
                yield Unit(Part.BASELINE, data, setting, seed, name)
