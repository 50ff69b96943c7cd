"""What a prober learns of single records from the answers to its offers; docs/security.md has the result.

A prober offers a record, alone or among fresh ones of its own, and wants to tell whether the model's owner, or another
seller, has it. What it reads is the price, the reasons and the time that the answer takes. Printed is the advantage of
the best rule on each of these, chosen in hindsight: the largest difference between the rates at which it says "member"
to members and to others (the Kolmogorov-Smirnov statistic). In brackets is the advantage that the best rule reaches on
data that tell nothing, in 95 of 100 shuffles: below it nothing was learned.

    python scripts/probing.py [PROBES]
"""

import sys
import time
import warnings
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from assay.protocol.schema import Feature, Schema
from assay_pricing.fitting import fit
from assay_pricing.function import PriceFunction
from assay_pricing.records.records import Records

CLASSES = tuple(map(str, range(10)))
SCHEMA = Schema(
    task="classification", features=tuple(Feature(name=f"x{j}") for j in range(64)), label="y", classes=CLASSES
)
AMONG = 19
"""Fresh records around one probe."""
SHUFFLES = 2000


@dataclass(frozen=True)
class Answer:
    """What a prober reads, and what it read when reasons had counts."""

    price: int
    reasons: tuple[str, ...]
    seconds: float
    counted: int


def digits() -> Records:
    """Scikit-learn's digits in a fixed random order."""
    x, y = load_digits(return_X_y=True)
    order = np.random.default_rng(3).permutation(len(x))
    return Records(SCHEMA, (x[order] / 16).astype(np.float32), y[order].astype(np.float64))


def asked(function: PriceFunction, offer: Records, known: frozenset[bytes]) -> Answer:
    """What the prober reads of the answer to ``offer``; others had the records of hashes ``known`` evaluated."""
    start = time.process_time()
    found = function.appraise(offer, known=known)
    seconds = time.process_time() - start
    return Answer(found.price, found.seller_reasons, seconds, offer.n - found.priced)


def advantage(members: list[float], others: list[float]) -> float:
    """Of the best threshold, chosen in hindsight."""
    places = np.unique([*members, *others])
    rates = [np.searchsorted(np.sort(values), places, "right") / len(values) for values in (members, others)]
    return float(np.abs(rates[0] - rates[1]).max())


def shown(name: str, members: list[float], others: list[float]) -> None:
    """Prints the advantage, and what it would be by chance."""
    rng = np.random.default_rng(0)
    everyone = np.array([*members, *others])
    chance = []
    for _ in range(SHUFFLES):
        rng.shuffle(everyone)
        chance.append(advantage(list(everyone[: len(members)]), list(everyone[len(members) :])))
    print(f"{name:42} {advantage(members, others):5.2f}  [{np.quantile(chance, 0.95):.2f}]", flush=True)


def main(probes: int) -> None:
    """Asks about ``probes`` records of the owner, of a rival and of nobody, alone and among others."""
    warnings.filterwarnings("ignore")
    data = digits()
    parts = np.split(np.arange(data.n), [300, 600, 600 + probes, 600 + 2 * probes])
    owner, validation, rivals, others, rest = (data.take(rows) for rows in parts)
    model = LogisticRegression(max_iter=1000).fit(owner.x, [CLASSES[int(code)] for code in owner.y])
    function = fit(model, owner, validation=validation)
    known = frozenset(rivals.hashes())
    function.appraise(rest.take([0]))  # the first appraisal also compiles
    for form, size in (("alone", 0), (f"among {AMONG} fresh records", AMONG)):
        answers: dict[str, list[Answer]] = {}
        for who, records in (("owner", owner), ("rival", rivals), ("nobody", others)):
            rng = np.random.default_rng(7)
            answers[who] = []
            for row in range(probes):
                around = rest.take(rng.choice(rest.n, size, replace=False))
                answers[who].append(asked(function, records.take([row]).join(around), known))
        reads: dict[str, Callable[[Answer], float]] = {
            "count of duplicates, as it was told": lambda a: float(a.counted),
            "price": lambda a: float(a.price),
            "reasons": lambda a: float(zlib.crc32(repr(a.reasons).encode())),
            "time": lambda a: a.seconds,
        }
        for who in ("owner", "rival"):
            for name, read in reads.items():
                members, strangers = ([read(a) for a in answers[key]] for key in (who, "nobody"))
                shown(f"{who}'s record {form}: {name}"[:60], members, strangers)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 40)
