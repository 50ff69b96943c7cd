"""A student: a small network, or a linear one, that answers as the black box does, distilled from its answers alone.

Hinton, Vinyals, Dean, "Distilling the knowledge in a neural network", 2015: the student learns the model's
probabilities, on owner's and validation inputs and on mixtures of them, where the model is asked too. Of a model that
gives labels alone it learns the labels.
"""

from collections.abc import Iterator
from itertools import product

import numpy as np
import torch
from torch import Tensor

from assay_pricing.records.records import Float32
from assay_pricing.surrogate.black_box import Predictions
from assay_pricing.surrogate.network import Network, train
from assay_pricing.surrogate.queries import encoded, mixtures
from assay_pricing.surrogate.task import Task

WIDTHS = (16, 32, 64, 128)
FIDELITY_FLOOR = 0.90
_STEPS = 600
_RATE = 1e-2
_DECAYS = (1e-4, 1e-3)
_MIXTURES = 2048
_RIDGES = (1e-3, 1e-2, 1e-1)
_LEAST_PROBABILITY = 1e-6


def distil(task: Task) -> tuple[Network, float]:
    """The narrowest student that agrees with the model, and how far it does.

    Where the model's size is known the student has at most half its parameters. Where the model is linear, linear
    students come first. Widths are tried upwards, each with little weight decay and with more, until the fidelity
    reaches 0.90; the best is returned even when none does.

    Returns:
        The student (e = 1) and its fidelity on those validation records whose inputs it was not asked about.
    """
    inputs, target = questions(task)
    best: tuple[Network, float] | None = None
    for network in _students(task, inputs, target):
        agreement = judged(task, network)
        if best is None or agreement > best[1]:
            best = network, agreement
        if best[1] >= FIDELITY_FLOOR:
            break
    assert best is not None
    return best


def _students(task: Task, inputs: Tensor, target: Tensor) -> Iterator[Network]:
    """Students (e = 1) in the order in which they are tried."""
    encoder = task.context.encoder
    if task.linear and _affordable(task, (encoder.width + 1) * encoder.outputs):
        yield from _linear(inputs, target)
    for attempt, (width, decay) in enumerate(product(_widths(task), _DECAYS)):
        start = Network.initialise((encoder.width, width, encoder.outputs), task.seed + attempt)
        yield _trained(task, start, f"a student of width {width}", inputs, target, decay)


def _linear(inputs: Tensor, target: Tensor) -> Iterator[Network]:
    """Linear students, by least squares of the model's log-odds or values.

    The answers of a linear model are equations in its weights, which its probabilities solve (Tramèr et al., "Stealing
    machine learning models via prediction APIs", 2016); the ridge bears what the encoder clips.
    """
    values = target[:, None]
    if target.dim() == 2:
        logs = target.clamp(min=_LEAST_PROBABILITY).log()
        values = logs - logs.mean(1, keepdim=True)
    columns = torch.cat([inputs, torch.ones_like(inputs[:, :1])], dim=1)
    squares, right = columns.T @ columns / len(inputs), columns.T @ values / len(inputs)
    for ridge in _RIDGES:
        solved = torch.linalg.solve(squares + ridge * torch.eye(len(squares), dtype=torch.float64), right)
        yield Network(((solved[None, :-1], solved[None, -1:]),))


def _trained(task: Task, start: Network, what: str, inputs: Tensor, target: Tensor, decay: float) -> Network:
    """A student after it has learned the model's answers."""
    done = iter(range(1, _STEPS + 1))
    return train(
        start.to(torch.float32),
        inputs.float(),
        target.float(),
        torch.full((1, len(inputs)), 1 / len(inputs)),
        decay=decay,
        steps=_STEPS,
        rate=_RATE,
        anneal=True,
        tick=lambda: task.progress(f"distilling {what}", next(done), _STEPS),
    ).to(torch.float64)


def _affordable(task: Task, parameters: int) -> bool:
    """Whether a student of so many parameters has at most half the model's, where the model's size is known."""
    size = task.black_box.parameters
    return size is None or 2 * parameters <= size


def judged(task: Task, network: Network) -> float:
    """Fidelity of a network (e = 1) on the validation records whose inputs ``questions`` leaves out."""
    unseen = _halves(task)[1]
    return fidelity(task, network(encoded(task, unseen))[0], task.black_box.predict(unseen))


def fidelity(task: Task, outputs: Tensor, held: Predictions) -> float:
    """Agreement of raw outputs (m, k) with the model's answers to the same inputs, 0..1.

    A classifier's is the share of equal labels; a regression's the share of the model's variance that is explained.
    """
    if task.context.schema.task == "classification":
        return float((outputs.argmax(1).numpy() == held.labels).mean())
    values = task.context.encoder.outputs_in_units(outputs)[:, 0]
    spread = float(((held.labels - held.labels.mean()) ** 2).sum())
    left = float(((values - held.labels) ** 2).sum())
    return max(0.0, 1 - left / spread) if spread > 0 else float(left == 0)


def _widths(task: Task) -> tuple[int, ...]:
    encoder, size = task.context.encoder, task.black_box.parameters
    if size is None:
        return WIDTHS
    widest = (size // 2 - encoder.outputs) // (encoder.width + 1 + encoder.outputs)
    return tuple(dict.fromkeys(min(width, max(widest, 1)) for width in WIDTHS))


def _halves(task: Task) -> tuple[Float32, Float32]:
    """Validation inputs that the model is asked about, and those that judge the student."""
    order = np.random.default_rng(task.seed).permutation(task.held.n)
    middle = task.held.n // 2
    return task.held.x[np.sort(order[:middle])], task.held.x[np.sort(order[middle:])]


def questions(task: Task) -> tuple[Tensor, Tensor]:
    """Encoded inputs (m, width) and the model's answers: probabilities (m, k), or labels or targets (m,).

    Half of them are near validation inputs: there the price is read, and the owner's records may lie elsewhere.
    """
    rng = np.random.default_rng(task.seed)
    x, held = task.owner.x, _halves(task)[0]
    near = mixtures(task, rng, _MIXTURES // 2, among=held)
    asked = np.concatenate([x[rng.permutation(len(x))[:_MIXTURES]], held, mixtures(task, rng, _MIXTURES // 2), near])
    answers = task.black_box.predict(asked)
    encoder = task.context.encoder
    if answers.probabilities is not None:
        return encoded(task, asked), torch.from_numpy(answers.probabilities)
    return encoded(task, asked), encoder.y(answers.labels)
