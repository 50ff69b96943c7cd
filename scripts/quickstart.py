"""Writes what the tutorial needs into a folder: digits, a model, and funded keys of a local chain.

python scripts/quickstart.py FOLDER
"""

import sys
from pathlib import Path

import numpy as np
from demo.digits import Digits, deal
from localnet import account

MODEL = '''"""The model that is kept: a scikit-learn classifier of handwritten digits."""

import numpy as np
from sklearn.linear_model import LogisticRegression

data = np.load("owner.npz")
model = LogisticRegression(max_iter=1000).fit(data["x"], data["y"])
'''


def save(data: Digits, path: Path) -> None:
    """Writes features ``x`` and labels ``y``."""
    np.savez(path, x=data.x, y=data.y.astype(str))


def main(folder: Path) -> None:
    """Makes the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    hands = deal()
    save(hands.owner, folder / "owner.npz")
    save(hands.validation, folder / "validation.npz")
    useful = hands.offers["useful"]
    for name, digits in (("offer", (9,)), ("more", (3, 8))):  # the model has seen none of them
        save(useful.take(np.flatnonzero(np.isin(useful.y, digits))), folder / f"{name}.npz")
    save(hands.offers["few"], folder / "few.npz")
    (folder / "reader.py").write_text(MODEL)
    (folder / "password").write_text("quickstart\n")
    for index, name in enumerate(("buyer", "oracle", "seller"), start=1):
        (folder / f"{name}.hex").write_text(account(index).key.hex() + "\n")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("error: expected a folder\nhint: python scripts/quickstart.py quickstart")
    main(Path(sys.argv[1]))
