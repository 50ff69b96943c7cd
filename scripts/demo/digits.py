"""Who has which of scikit-learn's 1,797 handwritten digits in the demonstration.

The model owner lacks most of three classes: that is what the useful seller brings.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits

RARE_CLASSES = (3, 8, 9)
RARE_SHARE = 0.1
CLASSES = tuple(str(digit) for digit in range(10))


@dataclass(frozen=True)
class Digits:
    """``x`` of shape (n, 64), float32 from 0 to 1; ``y`` of shape (n,), the digit."""

    x: NDArray[np.float32]
    y: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.y)

    def take(self, rows: NDArray[np.int64]) -> "Digits":
        """The records at ``rows``, in that order."""
        return Digits(self.x[rows], self.y[rows])

    def join(self, other: "Digits") -> "Digits":
        """These records, then those of ``other``."""
        return Digits(np.concatenate([self.x, other.x]), np.concatenate([self.y, other.y]))


@dataclass(frozen=True)
class Hands:
    """The model owner's records, the test set that no price sees, and what each seller offers, by name."""

    owner: Digits
    validation: Digits
    test: Digits
    offers: dict[str, Digits]


def deal(seed: int = 7) -> Hands:
    """Deals the digits out.

    ``few`` has 20 distinct records and ``copies`` the same ones four times; ``repeated`` and ``blind`` have the records
    of ``useful`` in another order.
    """
    rng = np.random.default_rng(seed)
    digits = load_digits()
    everything = Digits((digits.data / 16).astype(np.float32), digits.target.astype(np.int64))
    deck = list(rng.permutation(len(everything)))

    def draw(count: int, *, rare_share: float = 1.0) -> Digits:
        """Next ``count`` records of the deck, each of a rare class kept with probability ``rare_share``."""
        rows: list[int] = []
        passed: list[int] = []
        while len(rows) < count:
            row = int(deck.pop(0))
            if everything.y[row] in RARE_CLASSES and rng.random() >= rare_share:
                passed.append(row)
            else:
                rows.append(row)
        deck[:0] = passed
        return everything.take(np.array(rows))

    test = draw(500)
    validation = draw(300)
    owner = draw(300, rare_share=RARE_SHARE)
    useful = draw(200)
    same_distribution = draw(120, rare_share=RARE_SHARE)
    few = draw(20)
    mislabelled = draw(100)
    corrupted = draw(60)
    silent = draw(60)
    return Hands(
        owner=owner,
        validation=validation,
        test=test,
        offers={
            "useful": useful,
            "same_distribution": same_distribution,
            "few": few,
            "copies": few.take(np.tile(np.arange(len(few)), 4)),
            "owners_copy": owner.take(rng.permutation(len(owner))[:120]),
            "mislabelled": Digits(mislabelled.x, (mislabelled.y + rng.integers(1, 10, len(mislabelled))) % 10),
            "noise": Digits(rng.random((120, 64), dtype=np.float32), rng.integers(0, 10, 120)),
            "corrupted": corrupted,
            "repeated": useful.take(rng.permutation(len(useful))),
            "silent": silent,
            "blind": useful.take(rng.permutation(len(useful))),
        },
    )
