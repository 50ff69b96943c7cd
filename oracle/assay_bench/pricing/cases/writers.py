"""A. A robust digit classifier, trained by others on MNIST, is offered digits of other writers.

The deployed network is advertorch's adversarially trained LeNet5. Its training data are known, so that a seller can
offer exact copies of them. The digits of other writers are scikit-learn's, scaled from 8x8 pixels to MNIST's 28x28.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from assay.protocol.schema import Schema
from assay_bench import packages
from assay_bench.figures import Floats
from assay_bench.pricing.cases.case import Answer, Case, numeric_schema, records
from assay_bench.pricing.cases.icons import pictures
from assay_bench.pricing.cases.sellers import OFF_TOPIC, SAME, common_sellers
from assay_bench.pricing.data.dataset import read_idx
from assay_pricing.records.records import Records

_OWNER, _OFFER, _VALIDATION = 1000, 600, 400
_EPOCHS, _RATE, _BATCH = 3, 1e-4, 50


class _Flat(nn.Module):
    """Reshapes rows of 784 pixels to 28x28 images."""

    def forward(self, x: Tensor) -> Tensor:
        return x.reshape(-1, 1, 28, 28)


def _lenet() -> nn.Sequential:
    return nn.Sequential(
        _Flat(),
        nn.Conv2d(1, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(7 * 7 * 64, 200),
        nn.ReLU(),
        nn.Linear(200, 10),
    )


def deployed(cache: Path) -> nn.Sequential:
    """The robust network with its published weights."""
    folder = packages.fetch(packages.ROBUST_LENET, cache) / "advertorch-0.2.3" / "advertorch_examples"
    state = torch.load(folder / "trained_models" / "mnist_lenet5_advtrained.pt", map_location="cpu", weights_only=True)
    net = _lenet()
    net.load_state_dict(dict(zip(net.state_dict(), state.values(), strict=True)))
    return net.eval()


def _other_writers() -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    pixels = torch.tensor(x / 16.0, dtype=torch.float64).reshape(-1, 1, 8, 8)
    grown = functional.interpolate(pixels, size=(20, 20), mode="bilinear", align_corners=False)
    return functional.pad(grown, (4, 4, 4, 4)).reshape(len(x), -1).numpy(), y.astype(np.float64)


def draw(cache: Path, seed: int) -> Case:
    """One draw of owner, sellers and held-out writers."""
    rng = np.random.default_rng(seed)
    schema = numeric_schema(784, [str(i) for i in range(10)])
    folder = packages.fetch(packages.MNIST, cache) / "package" / "data"
    mnist_x, mnist_y = read_idx(folder / "train-images-idx3-ubyte"), read_idx(folder / "train-labels-idx1-ubyte")
    chosen = rng.permutation(len(mnist_x))[: _OWNER + _OFFER]
    mnist = records(schema, mnist_x[chosen].reshape(len(chosen), -1) / 255.0, mnist_y[chosen])
    owner, same = mnist.take(np.arange(_OWNER)), mnist.take(np.arange(_OWNER, _OWNER + _OFFER))
    x, y = _other_writers()
    order = rng.permutation(len(x))
    writers = records(schema, x[order], y[order])
    new, validation, test = (
        writers.take(rows) for rows in np.split(np.arange(len(writers)), [_OFFER, _OFFER + _VALIDATION])
    )
    net = deployed(cache)
    return Case(
        model=net,
        train=lambda data: _answers_of(_tuned(net, data, seed)),
        owner=owner,
        validation=validation,
        test=test,
        sellers=common_sellers(new, owner, _answers_of(net), rng)
        | {SAME: same, OFF_TOPIC: _off_topic(schema, cache, rng)},
    )


def _off_topic(schema: Schema, cache: Path, rng: np.random.Generator) -> Records:
    """Icons in grey, labelled as digits."""
    chosen = rng.permutation(1000)[:_OFFER]
    grey = torch.tensor(pictures("google", cache).images[chosen].mean(3) / 255.0)
    small = functional.interpolate(grey[:, None], size=(28, 28), mode="area")
    x = 1 - small.reshape(len(chosen), -1).numpy()
    return records(schema, x, rng.integers(0, 10, len(chosen)))


def _tuned(net: nn.Sequential, data: Records, seed: int) -> nn.Sequential:
    """The network, fine-tuned on some records."""
    torch.manual_seed(seed)
    tuned = _lenet()
    tuned.load_state_dict(net.state_dict())
    tuned.train()
    x, y = torch.tensor(data.x, dtype=torch.float32), torch.tensor(data.y).long()
    optimiser = torch.optim.Adam(tuned.parameters(), lr=_RATE)
    for _ in range(_EPOCHS):
        for rows in torch.split(torch.randperm(len(x)), _BATCH):
            optimiser.zero_grad()
            functional.cross_entropy(tuned(x[rows]), y[rows]).backward()  # type: ignore[no-untyped-call]
            optimiser.step()
    return tuned.eval()


def _answers_of(net: nn.Sequential) -> Answer:
    def answer(data: Records) -> Floats:
        with torch.no_grad():
            outputs = net(torch.tensor(data.x, dtype=torch.float32))
        return np.asarray(torch.softmax(outputs.double(), 1).numpy())

    return answer
