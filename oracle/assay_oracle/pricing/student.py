"""A student: a small network that answers as the black box does, distilled from its answers alone.

Hinton, Vinyals, Dean, "Distilling the knowledge in a neural network", 2015: the student learns the model's
probabilities, on the owner's inputs and on mixtures of them, where the model is asked too. Of a model that gives labels
alone it learns the labels.
"""

import numpy as np
import torch
from torch import Tensor

from assay_oracle.pricing.blackbox import Predictions
from assay_oracle.pricing.context import Task
from assay_oracle.pricing.network import Network, train
from assay_oracle.pricing.sampling import encoded, mixtures

WIDTHS = (16, 32, 64, 128)
FIDELITY_FLOOR = 0.90
_STEPS = 600
_RATE = 1e-2
_DECAY = 1e-4
_MIXTURES = 2048


def distil(task: Task) -> tuple[Network, float]:
    """The narrowest student that agrees with the model, and how far it does.

    Where the model's size is known the student has at most half its parameters. Widths are tried upwards until the
    fidelity reaches 0.90; the best is returned even when none does.

    Returns:
        The student (e = 1) and its fidelity on the validation records, which it has not seen.
    """
    inputs, target = questions(task)
    held = task.black_box.predict(task.held.x)
    best: tuple[Network, float] | None = None
    widths = _widths(task)
    encoder = task.context.encoder
    for attempt, width in enumerate(widths):
        done = iter(range(1, _STEPS + 1))
        what = f"distilling a student of width {width}"
        network = train(
            Network.initialise((encoder.width, width, encoder.outputs), task.seed + attempt).to(torch.float32),
            inputs.float(),
            target.float(),
            torch.full((1, len(inputs)), 1 / len(inputs)),
            decay=_DECAY,
            steps=_STEPS,
            rate=_RATE,
            anneal=True,
            tick=lambda done=done, what=what: task.progress(what, next(done), _STEPS),  # type: ignore[misc]
        ).to(torch.float64)
        agreement = fidelity(task, network(task.context.validation.x)[0], held)
        if best is None or agreement > best[1]:
            best = network, agreement
        if best[1] >= FIDELITY_FLOOR:
            break
    assert best is not None
    return best


def fidelity(task: Task, outputs: Tensor, held: Predictions) -> float:
    """Agreement of raw outputs (v, k) with the model's answers on the validation records, 0..1.

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


def questions(task: Task) -> tuple[Tensor, Tensor]:
    """Encoded inputs (m, width) and the model's answers: probabilities (m, k), or labels or targets (m,)."""
    rng = np.random.default_rng(task.seed)
    x = task.owner.x
    rows = rng.permutation(len(x))[:_MIXTURES]
    asked = np.concatenate([x[rows], mixtures(task, rng, _MIXTURES)])
    answers = task.black_box.predict(asked)
    encoder = task.context.encoder
    if answers.probabilities is not None:
        return encoded(task, asked), torch.from_numpy(answers.probabilities)
    return encoded(task, asked), encoder.y(answers.labels)
