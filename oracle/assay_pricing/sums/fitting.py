"""A price of sets before it becomes integers: features, prior mean, and what a change of the regression is worth."""

from dataclasses import dataclass, replace

import numpy as np
import torch

from assay_pricing.black_box.port import Predictions
from assay_pricing.blind.shape import MOST_PRICE_BITS
from assay_pricing.records.records import Float64, Records
from assay_pricing.risk import Bools
from assay_pricing.sums.features import AXIS_BITS, DEVIATION, TURN, Features
from assay_pricing.sums.form import Matrix, PriceForm
from assay_pricing.sums.inputs import MOST, Inputs, Integers
from assay_pricing.sums.statistics import Terms
from assay_pricing.surrogate.queries import mixtures
from assay_pricing.surrogate.task import Context, Task

NARROWNESS, RATIO = 1.0, 4.0
"""Of the Gaussian kernel, as a multiple of its usual exponent; and of the linear kernel's diagonal over its own."""
AXES = 16
_ASKED, _MIXTURES = 2048, 1024
_RIDGES = (1e-4, 1e-3, 1e-2)
_FOLDS = 5
_LEAST = 1e-3
"""Least probability of an answer."""
_CURVATURE = 0.09
"""Of the log loss by one class's log-odds, at a probability of .9 or .1: what a squared loss is divided by."""
SHRINKAGE_BITS, QUADRATIC_BITS = 18, 12
WEIGHT_DIGITS, LABEL_DIGITS = 16, 12
"""Binary digits of weights after the point: of classes, and of a regression, whose labels are larger integers."""
_SOLUTION_BITS, _LABEL_BITS = 2, 10
"""Bits of a solution's entries before it, likewise."""


@dataclass(frozen=True, eq=False)
class Goal:
    """What a change D (d, k) of the regression is worth: ``-<linear, D> - <quadratic, D D^T> / 2``, up to a factor.

    Attributes:
        linear: Gradient of the risk (d, k).
        quadratic: Its curvature (d, d), the same for every class.
    """

    linear: Float64
    quadratic: Float64

    def gain(self, moved: Float64, curvature: float) -> float:
        """Drop of the risk by a change of the regression, with a multiple of the curvature."""
        bent = ((self.quadratic @ moved) * moved).sum()
        return float(-(self.linear * moved).sum() - curvature * bent / 2)


@dataclass(frozen=True, eq=False)
class Ridge:
    """A price of sets in floating point.

    Attributes:
        features: Public features.
        damping: c, see ``statistics``.
        weights: Prior mean (d, k).
        goal: On all validation records.
        curvature: Multiple of the goal's curvature.
        size: What gains are multiplied by.
    """

    features: Features
    damping: float
    weights: Float64
    goal: Goal
    curvature: float = 1.0
    size: float = 1.0

    def change(self, records: Records) -> Float64:
        """Change (d, k) of the regression by records, in the form that is fast for few of them."""
        codes, labels = self.features.inputs.of(records)
        phi = self.features.of(codes).astype(np.float64)
        kernel = phi @ phi.T + self.damping * np.eye(len(phi))
        return np.asarray(phi.T @ np.linalg.solve(kernel, labels - phi @ self.weights))

    def gain(self, records: Records) -> float:
        """Predicted drop of the risk by records."""
        return self.size * self.goal.gain(self.change(records), self.curvature)


@dataclass(frozen=True, eq=False)
class Owned:
    """What the model's owner knows, in the units of the regression.

    Attributes:
        task: Her side.
        inputs: Records to integers.
        codes: Inputs of her records (n, w).
        asked: Inputs like those of offers (m, w).
        answers: The model's answers to these (m, k): probabilities, or numbers in steps of the label's integers.
        validated: Its answers to the validation records (v, k).
        sure: Its answers to her records (n, k).
    """

    task: Task
    inputs: Inputs
    codes: Integers
    asked: Integers
    answers: Float64
    validated: Float64
    sure: Float64

    @classmethod
    def of(cls, task: Task) -> "Owned":
        """Asks the model about records, the validation records, and mixtures of both."""
        encoder, rng = task.context.encoder, np.random.default_rng(task.seed)
        inputs = Inputs.fit(encoder.schema, encoder.centre, encoder.scale, encoder.target)
        owner = task.owner.x[np.sort(rng.permutation(task.owner.n)[:_ASKED])]
        parts = [owner, task.validation.x[np.sort(rng.permutation(task.validation.n)[:_ASKED])]]
        asked = np.concatenate([*parts, *(mixtures(task, rng, _MIXTURES, max_share=1.0, among=x) for x in parts)])

        def answers(x: Float64) -> Float64:
            return _answers(task.black_box.predict(x), inputs)

        validated = answers(task.validation.x)
        return cls(task, inputs, inputs.codes(owner), inputs.codes(asked), answers(asked), validated, answers(owner))

    def features(self, count: int, pull: float, damping: float) -> tuple[Features, float]:
        """Features whose axes are the owner's, and the damping c in their unit.

        Args:
            count: Number of features, at most, linear ones where there is room for them.
            pull: Precision that the owner's records add along the axes, as a multiple of what they would.
            damping: c over the mean squared length of the owner's features.
        """
        plain = _plain(self.inputs, self.codes, count)
        phi = plain.of(self.codes).astype(np.float64)
        level = float((phi**2).sum(1).mean())
        weight = np.ones(len(phi))
        if self.inputs.label is None:
            weight = (self.sure * (1 - self.sure)).mean(1) / _CURVATURE
        scale = pull * self.task.owner.n / len(phi)
        squares, directions = np.linalg.eigh(scale * (phi.T @ (weight[:, None] * phi)))
        largest = slice(-min(AXES, len(squares)), None)
        taken = 1 - 1 / np.sqrt(1 + np.clip(squares[largest], 0, None) / (damping * level))
        axes = np.rint(2.0**AXIS_BITS * np.sqrt(taken)[:, None] * directions.T[largest]).astype(np.int64)
        return plain.model_copy(update={"axes": tuple(map(tuple, axes.tolist()))}), damping * level

    def prior(self, features: Features) -> Float64:
        """Prior mean (d, k): ridge regression of the model's answers, by the ridge that predicts held-out ones best."""
        phi = features.of(self.asked).astype(np.float64)
        held = np.arange(len(phi)) % _FOLDS == 0
        level = float((phi**2).sum() / len(phi))

        def solved(rows: Bools, ridge: float) -> Float64:
            part = phi[rows]
            system = part.T @ part + ridge * level * np.eye(phi.shape[1])
            return np.asarray(np.linalg.solve(system, part.T @ self.answers[rows]))

        errors = [((phi[held] @ solved(~held, ridge) - self.answers[held]) ** 2).sum() for ridge in _RIDGES]
        return solved(np.ones(len(phi), dtype=bool), _RIDGES[int(np.argmin(errors))])

    def goal(self, features: Features, rows: Bools, context: Context) -> Goal:
        """The goal on some of the validation records.

        Args:
            features: Of the regression.
            rows: Which of the records (v,).
            context: With these alone.
        """
        phi = features.of(self.inputs.codes(self.task.validation.x[rows])).astype(np.float64)
        answers, labels = self.validated[rows], self.inputs.targets(context.metric.y)
        label = self.inputs.label
        if label is None:
            sure = np.clip(answers, _LEAST, None)
            sure = sure / sure.sum(1, keepdims=True)
            weight = context.importance(torch.from_numpy(np.log(sure))).numpy()
            slope, curved = weight[:, None] * (sure - labels), weight
        else:
            centre, spread = context.encoder.target
            raw = torch.from_numpy((answers * label.step + label.centre - centre) / spread)
            weight = 2 * label.step**2 * context.importance(raw).numpy()
            slope, curved = weight[:, None] * (answers - labels), weight
        return Goal(phi.T @ slope / len(phi), phi.T @ (curved[:, None] * phi) / len(phi))


def integers(ridge: Ridge) -> PriceForm:
    """The price in integers, with bounds that hold for all statistics."""
    classes = ridge.features.inputs.label is None
    digits, before = (WEIGHT_DIGITS, _SOLUTION_BITS) if classes else (LABEL_DIGITS, _LABEL_BITS)
    q, u = SHRINKAGE_BITS, SHRINKAGE_BITS + digits
    weights = np.rint(ridge.weights * 2.0**digits).astype(np.int64)
    curved = ridge.size * ridge.curvature * ridge.goal.quadratic
    scale = 2 * u + QUADRATIC_BITS - int(np.ceil(np.log2(max(float(np.abs(curved).max()), 2.0**-100))))
    linear = np.rint(ridge.size * ridge.goal.linear * 2.0 ** (scale - u)).astype(np.int64)
    quadratic = np.rint(curved * 2.0 ** (scale - 2 * u)).astype(np.int64)
    terms = Terms(
        features=ridge.features,
        damping=max(1, round(ridge.damping)),
        shrinkage_bits=q,
        weight_bits=max(int(np.abs(weights).max()).bit_length(), 1),
        solution_bits=u,
        sum_bits=u + before,
        price_bits=MOST_PRICE_BITS,
    )
    loose = PriceForm(
        terms=terms, weights=_rows(weights), linear=_rows(linear), quadratic=_rows(quadratic), scale=scale
    )
    bits = loose.secret.bound().bit_length()
    return loose.model_copy(update={"terms": terms.model_copy(update={"price_bits": bits})})


def sized(ridge: Ridge, gains: Float64, expected: Float64) -> Ridge:
    """The price whose gains (m,) fit expected ones best, by least squares."""
    squares = float(gains @ gains)
    size = float(gains @ expected) / squares if squares > 0 else 1.0
    return replace(ridge, size=ridge.size * size if size > 0 else ridge.size)


def _plain(inputs: Inputs, codes: Integers, count: int) -> Features:
    """Features without axes: of a linear and a Gaussian kernel, or of the latter where there are many inputs."""
    linear = inputs.width <= count // 2
    waves = count - 1 - linear * inputs.width
    squares = float((codes.astype(np.float64) ** 2).sum(1).mean()) or 1.0
    amplitude = round((2 * squares / (RATIO * waves)) ** 0.5) if linear else MOST
    frequency = round((2 * NARROWNESS / squares) ** 0.5 / (2 * np.pi) * TURN / DEVIATION * 2**16)
    return Features(
        inputs=inputs,
        linear=linear,
        waves=waves,
        amplitude=min(max(amplitude, 1), MOST),
        frequency=min(max(frequency, 1), 2**26 - 1),
    )


def _answers(found: Predictions, inputs: Inputs) -> Float64:
    if inputs.label is not None:
        return (found.labels[:, None] - inputs.label.centre) / inputs.label.step
    if found.probabilities is not None:
        return found.probabilities
    return np.eye(inputs.outputs)[found.labels.astype(np.int64)]


def _rows(matrix: Integers) -> Matrix:
    return tuple(tuple(row) for row in matrix.tolist())
