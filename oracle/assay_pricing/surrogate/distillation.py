"""A student: a small network, or a linear one, trained to answer as the black box does, from its answers alone.

Hinton, Vinyals, Dean, "Distilling the knowledge in a neural network", 2015: the student learns the model's
probabilities on the owner's inputs, the validation inputs and mixtures of them. From a model that gives no
probabilities it learns labels.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
import torch
from torch import Tensor

from assay_pricing.black_box.port import Predictions
from assay_pricing.learners.closeness import constant_distance, distances
from assay_pricing.manifest import FIDELITY_FLOOR, Agreement
from assay_pricing.records.records import Float64
from assay_pricing.surrogate.network import Network, train
from assay_pricing.surrogate.queries import encoded, mixtures
from assay_pricing.surrogate.task import Task

WIDTHS = (16, 32, 64, 128)
_STEPS = 600
_RATE = 1e-2
_DECAYS = (1e-4, 1e-3)
_MAX_ASKED = 2048
"""Records of the owner, and validation inputs, that the model is queried for at most."""
_MIXTURES = 1024
"""Mixtures of the owner's inputs, and of the validation inputs."""
_RIDGES = (1e-3, 1e-2, 1e-1)
_MIN_PROBABILITY = 1e-6
_NO_SPREAD = 1e-12
_OTHER_SUMS = 0.03
"""Fidelities of one student by two orders of sums differ by less."""


def distil(task: Task) -> tuple[Network, float]:
    """Distils the narrowest student whose fidelity reaches 0.90, or the best if none does.

    Where the model's size is known the student has at most half its parameters. Where the model is linear, linear
    students come first. Widths are tried upwards, each with little weight decay and with more. A GPU only finds out
    which of them are worth training: the student is trained on the CPU, and is the same with and without a GPU.

    Returns:
        The student (e = 1) and its fidelity on the validation records that ``queries`` leaves out.
    """
    inputs, target = queries(task)
    best: tuple[Network, float] | None = None
    for network in _students(task, inputs, target):
        agreement = network_fidelity(task, network)
        if best is None or agreement > best[1]:
            best = network, agreement
        if best[1] >= FIDELITY_FLOOR:
            break
    assert best is not None
    return best


def queries(task: Task) -> tuple[Tensor, Tensor]:
    """Encoded inputs (m, width) and the model's answers: probabilities (m, k), or labels or targets (m,).

    Half of the mixtures are near validation inputs: the price is read there, and the owner's records may lie elsewhere.
    """
    rng = np.random.default_rng(task.seed)
    x, validation = task.owner.x, _halves(task)[0]
    near = mixtures(task, rng, _MIXTURES, among=validation)
    owned = x[rng.permutation(len(x))[:_MAX_ASKED]]
    goal = validation[:: -(-len(validation) // _MAX_ASKED) or 1]  # of many, every second one, or third and so on
    asked = np.concatenate([owned, goal, mixtures(task, rng, _MIXTURES), near])
    answers = task.black_box.predict(asked)
    if answers.probabilities is not None:
        return encoded(task, asked), torch.from_numpy(answers.probabilities)
    return encoded(task, asked), task.context.encoder.y(answers.labels)


def network_agreement(task: Task, network: Network) -> Agreement | None:
    """What the fidelity of a network (e = 1) is worth, on the same records."""
    unseen = _halves(task)[1]
    return agreement(task, network(encoded(task, unseen))[0], task.black_box.predict(unseen))


def agreement(task: Task, outputs: Tensor, model: Predictions) -> Agreement | None:
    """What the fidelity of raw outputs (m, k) is worth; None for a regression."""
    if task.context.schema.task != "classification":
        return None
    k = len(task.context.schema.classes)
    given, answered = outputs.argmax(1).numpy(), model.labels.astype(np.int64)
    said, counts = np.bincount(given, minlength=k), np.bincount(answered, minlength=k)
    equal = np.bincount(answered[given == answered], minlength=k)
    share, chance = float(equal.sum() / len(answered)), float(said @ counts / len(answered) ** 2)
    return Agreement(
        share=share,
        constant=float(counts.max() / len(answered)),
        kappa=(share - chance) / (1 - chance) if chance < 1 else 0.0,
        by_class=tuple(float(e / n) if n else None for e, n in zip(equal, counts, strict=True)),
        explained=_explained(task, outputs, model),
    )


def _explained(task: Task, outputs: Tensor, model: Predictions) -> float:
    """See ``Agreement.explained``; of a model with one answer to everything, whether the outputs are that answer."""
    encoder = task.context.encoder
    whole, left = constant_distance(encoder, model), float(distances(encoder, outputs, model).mean())
    if whole <= _NO_SPREAD:
        return float(left <= _NO_SPREAD)
    return max(1 - left / whole, -1.0)


def network_fidelity(task: Task, network: Network) -> float:
    """Fidelity of a network (e = 1) on the validation records that ``queries`` leaves out."""
    unseen = _halves(task)[1]
    return fidelity(task, network(encoded(task, unseen))[0], task.black_box.predict(unseen))


def fidelity(task: Task, outputs: Tensor, model: Predictions) -> float:
    """Agreement of raw outputs (m, k) with the model's answers to the same inputs, 0..1.

    Of a classifier the share of equal labels; of a regression R^2 against the model's values, at least 0.
    """
    if task.context.schema.task == "classification":
        return float((outputs.argmax(1).numpy() == model.labels).mean())
    values = task.context.encoder.outputs_in_units(outputs)[:, 0]
    total = float(((model.labels - model.labels.mean()) ** 2).sum())
    residual = float(((values - model.labels) ** 2).sum())
    return max(0.0, 1 - residual / total) if total > 0 else float(residual == 0)


def _students(task: Task, inputs: Tensor, target: Tensor) -> Iterator[Network]:
    """Students (e = 1) in the order in which they are tried."""
    encoder = task.context.encoder
    if task.linear and _affordable(task, (encoder.width + 1) * encoder.outputs):
        yield from linear_students(inputs, target)
    for attempt in _attempts(task) if task.device == "cpu" else _worthwhile(task, inputs, target):
        yield attempt.trained(task, inputs, target)


@dataclass(frozen=True)
class _Attempt:
    """A student before training.

    Attributes:
        seed: Of its random weights.
        width: Hidden units.
        decay: Weight decay.
    """

    seed: int
    width: int
    decay: float

    def trained(self, task: Task, inputs: Tensor, target: Tensor, device: str = "cpu") -> Network:
        """The student (e = 1) after training on the model's answers, in single precision for speed."""
        done, encoder = iter(range(1, _STEPS + 1)), task.context.encoder
        return train(
            Network.initialise((encoder.width, self.width, encoder.outputs), self.seed).to(torch.float32),
            inputs.float(),
            target.float(),
            torch.full((1, len(inputs)), 1 / len(inputs)),
            decay=self.decay,
            steps=_STEPS,
            rate=_RATE,
            anneal=True,
            device=device,
            tick=lambda: task.progress(f"distilling a student of width {self.width}", next(done), _STEPS),
        ).to(torch.float64)


def _attempts(task: Task) -> list[_Attempt]:
    """Widths upwards, each with every decay."""
    combinations = enumerate(product(_widths(task), _DECAYS))
    return [_Attempt(task.seed + number, width, decay) for number, (width, decay) in combinations]


def _worthwhile(task: Task, inputs: Tensor, target: Tensor) -> list[_Attempt]:
    """Attempts without those that end under the floor, or under the best if none reaches it, whatever the sums."""
    found: list[tuple[_Attempt, float]] = []
    for attempt in _attempts(task):
        found.append((attempt, network_fidelity(task, attempt.trained(task, inputs, target, task.device))))
        if found[-1][1] >= FIDELITY_FLOOR + _OTHER_SUMS:
            break
    least = min(FIDELITY_FLOOR, max(reached for _, reached in found)) - _OTHER_SUMS
    return [attempt for attempt, reached in found if reached >= least]


def linear_students(inputs: Tensor, target: Tensor) -> Iterator[Network]:
    """Linear students, by ridge regression of the model's log-odds or values with a little ridge and with more.

    The answers of a linear model are equations in its weights, which its probabilities solve (Tramèr et al., "Stealing
    machine learning models via prediction APIs", 2016). The encoder clips inputs, which breaks some of the equations:
    the ridge keeps the solution stable.

    Args:
        inputs: Encoded inputs (m, width).
        target: Probabilities (m, k), or values of a regression (m,).
    """
    values = target[:, None]
    if target.dim() == 2:
        logs = target.clamp(min=_MIN_PROBABILITY).log()
        values = logs - logs.mean(1, keepdim=True)  # softmax ignores what all log-odds share
    columns = torch.cat([inputs, torch.ones_like(inputs[:, :1])], dim=1)  # (m, width + 1)
    squares, right = columns.T @ columns / len(inputs), columns.T @ values / len(inputs)
    for ridge in _RIDGES:
        solved = torch.linalg.solve(squares + ridge * torch.eye(len(squares), dtype=torch.float64), right)
        yield Network(((solved[None, :-1], solved[None, -1:]),))


def _affordable(task: Task, parameters: int) -> bool:
    """Whether a student of that many parameters has at most half the model's, where the model's size is known."""
    size = task.black_box.parameters
    return size is None or 2 * parameters <= size


def _widths(task: Task) -> tuple[int, ...]:
    """Widths to try, each cut to the widest that is affordable."""
    encoder, size = task.context.encoder, task.black_box.parameters
    if size is None:
        return WIDTHS
    widest = (size // 2 - encoder.outputs) // (encoder.width + 1 + encoder.outputs)
    return tuple(dict.fromkeys(min(width, max(widest, 1)) for width in WIDTHS))


def _halves(task: Task) -> tuple[Float64, Float64]:
    """Validation inputs (v, d) in two halves: the model is queried for the first, the second measures fidelity."""
    order = np.random.default_rng(task.seed).permutation(task.validation.n)
    middle = task.validation.n // 2
    return task.validation.x[np.sort(order[:middle])], task.validation.x[np.sort(order[middle:])]
