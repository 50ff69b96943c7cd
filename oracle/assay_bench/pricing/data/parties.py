"""The parties of a draw: the owner's records, the records on offer, and the kind of each offered record.

There are two settings. In ``shift`` the owner's training records lack 90 % of some classes (in a regression, of the
highest third of the targets). In ``iid`` the owner's and the sellers' records are of one distribution.
"""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from assay_bench.figures import Floats
from assay_bench.pricing.data.dataset import Dataset

SETTINGS = ("shift", "iid")
FRESH, DUPLICATE, NEAR, MISLABELLED, NOISE, BLURRED = "fresh", "duplicate", "near", "mislabelled", "noise", "blurred"
JUNK = (MISLABELLED, NOISE)
UNPAID = (DUPLICATE, NEAR, MISLABELLED, NOISE)
BATCH = 20
BATCHES = 48
_RARE_SHARE = 0.1
NEAR_SIGMA = 0.03  # of a feature's range
_BLUR_SIGMA = 0.5
_OFFER_SHARES = (
    (FRESH, 0.5),
    (DUPLICATE, 0.125),
    (NEAR, 0.125),
    (MISLABELLED, 0.125),
    (NOISE, 0.0625),
    (BLURRED, 0.0625),
)


@dataclass(frozen=True)
class Recipe:
    """How the owner trains.

    Attributes:
        hidden: Width of the hidden layer.
        decay: Weight decay: the factor of half the squared norm of the parameters in the loss.
        steps: Full-batch Adam steps from scratch.
        rate: Learning rate from scratch.
        warm_steps: Steps when training continues from a trained model.
        warm_rate: Learning rate of these steps, a tenth, as in fine-tuning.
    """

    hidden: int = 32
    decay: float = 2e-3
    steps: int = 300
    rate: float = 1e-2
    warm_steps: int = 100
    warm_rate: float = 1e-3


@dataclass(frozen=True)
class Sizes:
    """How many records each party has, and how the owner trains."""

    base: int
    validation: int
    test: int
    offer: int
    recipe: Recipe = field(default_factory=Recipe)


SIZES = {
    "digits": Sizes(300, 300, 500, 240),
    "breast_cancer": Sizes(80, 120, 160, 120, Recipe(hidden=16, decay=0.03)),
    "wine": Sizes(30, 40, 50, 48, Recipe(hidden=16, decay=0.03)),
    "diabetes": Sizes(90, 100, 110, 120, Recipe(hidden=16, decay=0.1)),
    "mnist_5k": Sizes(500, 500, 1500, 1150, recipe=Recipe(hidden=128)),
}


@dataclass(frozen=True)
class Parties:
    """One draw of the owner and of the offers.

    Attributes:
        base: The owner's training records.
        validation: The owner's private records, which define the price.
        test: Records that no price sees.
        offer: Single records on offer (n).
        kinds: Kind of each offered record, (n,).
        batches: Sets of 20 records of random composition.
        recipe: How the owner trains the true model.
        seed: Seed of the draw.
    """

    base: Dataset
    validation: Dataset
    test: Dataset
    offer: Dataset
    kinds: npt.NDArray[np.str_]
    batches: tuple[Dataset, ...]
    recipe: Recipe
    seed: int


def draw(data: Dataset, sizes: Sizes, setting: str, seed: int, batches: int = BATCHES) -> Parties:
    """Draws owner and offers from one data set.

    Args:
        data: The population; its features are scaled by the owner's records.
        sizes: Records by party.
        setting: ``shift`` or ``iid``.
        seed: Seed of everything random.
        batches: Number of sets to draw.
    """
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(data))
    test, validation, rest = np.split(order, [sizes.test, sizes.test + sizes.validation])
    if setting == "shift":
        rare = rng.random(len(rest)) >= _RARE_SHARE
        eligible = rest[~(rare & _lacking(data)[rest])]
        base = eligible[: sizes.base]
        pool = np.setdiff1d(rest, base, assume_unique=True)
        rng.shuffle(pool)
    else:
        base, pool = np.split(rest, [sizes.base])
    data = _scaled(data, base)
    owner, pooled = data.take(base), data.take(pool)
    offer, kinds, used = _offer(owner, pooled, sizes.offer, rng)
    left = pooled.take(np.arange(used, len(pooled)))
    sets = tuple(_batch(owner, left, rng) for _ in range(batches))
    return Parties(owner, data.take(validation), data.take(test), offer, kinds, sets, sizes.recipe, seed)


def _lacking(data: Dataset) -> npt.NDArray[np.bool_]:
    """Which records the owner of ``shift`` lacks: classes 3, 8 and 9 of ten, the first class of fewer."""
    if data.classes == 0:
        return data.y > np.quantile(data.y, 2 / 3)
    return np.isin(data.y, (3, 8, 9) if data.classes == 10 else (0,))


def _scaled(data: Dataset, base: npt.NDArray[np.int_]) -> Dataset:
    """Standardises features by the owner's records; pixels in 0..1 stay unchanged."""
    if data.x.min() >= 0 and data.x.max() <= 1:
        return data
    centre, spread = data.x[base].mean(0), data.x[base].std(0)
    return Dataset((data.x - centre) / np.where(spread > 0, spread, 1.0), data.y, data.classes)


def _offer(
    owner: Dataset, pool: Dataset, size: int, rng: np.random.Generator
) -> tuple[Dataset, npt.NDArray[np.str_], int]:
    parts: list[Dataset] = []
    kinds: list[str] = []
    used = 0
    for kind, share in _OFFER_SHARES:
        count = round(share * size)
        made, taken = make(kind, count, owner, pool.take(np.arange(used, len(pool))), rng)
        used += taken
        parts.append(made)
        kinds += [kind] * count
    whole = parts[0]
    for part in parts[1:]:
        whole = whole.plus(part)
    shuffled = rng.permutation(len(whole))
    return whole.take(shuffled), np.array(kinds)[shuffled], used


def make(kind: str, count: int, owner: Dataset, pool: Dataset, rng: np.random.Generator) -> tuple[Dataset, int]:
    """Makes records of one kind; returns them, and how many of the first records of the pool they use."""
    span = owner.x.max(0) - owner.x.min(0)
    if kind in (DUPLICATE, NEAR):
        made = owner.take(rng.choice(len(owner), count, replace=False))
        if kind == NEAR:
            made = Dataset(made.x + rng.normal(0, NEAR_SIGMA, made.x.shape) * span, made.y, made.classes)
        return made, 0
    if kind == NOISE:
        x = owner.x.min(0) + rng.random((count, owner.x.shape[1])) * span
        return Dataset(x, _random_targets(owner, count, rng), owner.classes), 0
    made = pool.take(np.arange(count))
    if kind == MISLABELLED:
        made = Dataset(made.x, _wrong_targets(made, owner, rng), made.classes)
    elif kind == BLURRED:
        made = Dataset(made.x + rng.normal(0, _BLUR_SIGMA, made.x.shape) * span, made.y, made.classes)
    return made, count


def _random_targets(owner: Dataset, count: int, rng: np.random.Generator) -> Floats:
    if owner.classes == 0:
        return rng.choice(owner.y, count)
    return rng.integers(0, owner.classes, count).astype(np.float64)


def _wrong_targets(data: Dataset, owner: Dataset, rng: np.random.Generator) -> Floats:
    """Another class for each record; in a regression, the target mirrored at the owner's mean, twice as far."""
    if data.classes == 0:
        centre = owner.y.mean()
        return np.asarray(centre - 2 * (data.y - centre), dtype=np.float64)
    return np.asarray((data.y + rng.integers(1, data.classes, len(data))) % data.classes, dtype=np.float64)


def _batch(owner: Dataset, pool: Dataset, rng: np.random.Generator) -> Dataset:
    """A set of 20 records of five kinds in random shares; the copies are of one fresh record."""
    shares = rng.dirichlet(np.ones(5))
    fresh, copies, duplicates, wrong, noise = rng.multinomial(BATCH, shares)
    order = rng.permutation(len(pool))[:BATCH]
    originals = pool.take(order[: max(fresh, 1 if copies else 0)])
    whole = originals.take(np.arange(fresh))
    if copies:
        whole = whole.plus(originals.take(np.full(copies, rng.integers(len(originals)))))
    for kind, count in ((DUPLICATE, duplicates), (MISLABELLED, wrong), (NOISE, noise)):
        if count:
            whole = whole.plus(make(kind, count, owner, pool.take(order[BATCH - wrong :]), rng)[0])
    return whole.take(rng.permutation(BATCH))
