"""What sellers offer in every case. A case adds sellers of its own kinds."""

import numpy as np
import numpy.typing as npt

from assay_bench.figures import Floats
from assay_bench.pricing.cases.case import Answer
from assay_pricing.records.records import Records

NEW, NEW_HALF, FEW, FEW_COPIED, OWN_COPY = "new_clean", "new_half", "few", "few_copied", "own_copy"
MISLABELLED_10, MISLABELLED_30, MISLABELLED_50 = "mislabelled_10", "mislabelled_30", "mislabelled_50"
HALF_MIXED, INTERPOLATED, SELF_LABELLED = "half_mixed", "interpolated", "self_labelled"
SAME, OFF_TOPIC = "same_distribution", "off_topic"
NESTED = ((FEW, NEW_HALF), (NEW_HALF, NEW), (FEW, NEW))
"""Pairs of sellers, the second of which offers all that the first offers, and more new clean records."""
_FEW_SHARE = 10
_CONCENTRATION = 0.4


def common_sellers(new: Records, owner: Records, answer: Answer, rng: np.random.Generator) -> dict[str, Records]:
    """The sellers of every case, by kind.

    * ``new_clean``: all new records. ``new_half`` and ``few`` are its first half and its first tenth.
    * ``few_copied``: the tenth, ten times.
    * ``own_copy``: the owner's records, as often as they fit into the size of the new ones, at least once.
    * ``mislabelled_10``, ``_30``, ``_50``: the new records, with wrong labels on this percentage of them.
    * ``half_mixed``: the clean half of the new records, and the other half with wrong labels on every second one.
    * ``interpolated``: as many records as the new ones, each between two of the few.
    * ``self_labelled``: the new records with the model's own answers for labels.

    Args:
        new: New clean records (n).
        owner: The owner's records.
        answer: The owner's model.
        rng: Source of everything random.
    """
    n = len(new)
    few, half, rest = (new.take(np.arange(*ends)) for ends in ((n // _FEW_SHARE,), (n // 2,), (n // 2, n)))
    return {
        NEW: new,
        NEW_HALF: half,
        FEW: few,
        FEW_COPIED: copied(few, _FEW_SHARE),
        OWN_COPY: copied(owner, max(n // len(owner), 1)),
        MISLABELLED_10: mislabelled(new, 0.1, rng),
        MISLABELLED_30: mislabelled(new, 0.3, rng),
        MISLABELLED_50: mislabelled(new, 0.5, rng),
        HALF_MIXED: half.join(mislabelled(rest, 0.5, rng)),
        INTERPOLATED: interpolated(few, n, rng),
        SELF_LABELLED: self_labelled(new, answer),
    }


def relabelled(honest: Records, y: Floats) -> Records:
    """The same records with other labels (n,)."""
    return Records(honest.schema, honest.x, y, honest.unseen)


def mislabelled(honest: Records, share: float, rng: np.random.Generator) -> Records:
    """The same records, with a share of the labels replaced.

    A class is replaced by another class, all of them equally likely; the values of a regression change places.
    """
    y = honest.y.copy()
    wrong = np.flatnonzero(rng.random(len(y)) < share)
    if honest.schema.task == "regression":
        y[wrong] = y[rng.permutation(wrong)]
    else:
        k = len(honest.schema.classes)
        y[wrong] = (y[wrong] + rng.integers(1, k, len(wrong))) % k
    return relabelled(honest, y)


def copied(few: Records, times: int) -> Records:
    """The same records, repeated ``times`` times."""
    return few.take(np.tile(np.arange(len(few)), times))


def interpolated(few: Records, n: int, rng: np.random.Generator) -> Records:
    """Records between two records each, as mixup makes them (Zhang et al., ICLR 2018): weights from Beta(0.4, 0.4).

    Numbers are mixed. A category, a class, and a number that one of the two lacks are those of the nearer record.

    Args:
        few: Records to mix.
        n: How many to make.
        rng: Source of the pairs and weights.
    """
    first, second = rng.integers(len(few), size=(2, n))
    weight = rng.beta(_CONCENTRATION, _CONCENTRATION, n)
    nearer = np.where(weight >= 0.5, first, second)
    classifies = few.schema.task == "classification"
    y = few.y[nearer] if classifies else _between(few.y, first, second, weight)
    x = few.x[nearer].copy()
    for j, feature in enumerate(few.schema.features):
        if feature.kind == "numeric":
            mixed = _between(few.x[:, j], first, second, weight)
            x[:, j] = np.where(np.isnan(mixed), x[:, j], mixed)
    return Records(few.schema, x, y, few.unseen)


def _between(values: Floats, first: npt.NDArray[np.int64], second: npt.NDArray[np.int64], weight: Floats) -> Floats:
    return np.asarray(values[second] + weight * (values[first] - values[second]))


def self_labelled(new: Records, answer: Answer) -> Records:
    """The same records with the model's answers for labels: its most probable classes, or its values."""
    answers = answer(new)
    return relabelled(new, answers.argmax(1).astype(np.float64) if answers.ndim == 2 else answers)
