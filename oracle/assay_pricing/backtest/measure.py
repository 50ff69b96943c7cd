"""The backtest of a price function: what it would pay for parts of the owner's records, against what they are worth.

What they are worth is said by the owner's own training function, where she gives one. Otherwise another learner says it
that is as near to the model as the chosen one; where there is none, the chosen one itself, on other validation records.
Gains are those of whole sets, before any subset and any shrinkage.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from assay_pricing.backtest import figures
from assay_pricing.backtest.splits import Split, splits
from assay_pricing.black_box.port import BlackBox, Predictions
from assay_pricing.duplicates import Kernel
from assay_pricing.errors import ModelError
from assay_pricing.learners.port import Learner
from assay_pricing.manifest import Backtest
from assay_pricing.methods import RefitMethod
from assay_pricing.records.records import Float64, Int64, Records
from assay_pricing.risk import Metric
from assay_pricing.surrogate.outlook import model_outputs
from assay_pricing.surrogate.task import Sample, Task

Train = Callable[[Records], BlackBox | None]
"""The owner's training: from records to a model; None once the budget for it is spent."""

_MAX_VALIDATION = 1000
"""Validation records that gains are read on at most."""
MIN_EPISODES = 5
"""Fewer episodes give no figure."""
_RIVALS = 3
"""Learners beside the chosen one among which a trained model may choose."""
_SPLITS_OF_LEARNERS = 2
"""Where learners say what parts are worth, so many splits are enough to see whether they agree."""
_TRAINING, _PRICING = "training the model on parts", "pricing held-out parts"


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a backtest found.

    Attributes:
        backtest: Its figures; None where there are too few records.
        learner: The learner whose predictions came closest to the truth.
    """

    backtest: Backtest | None
    learner: Learner


def measure(method: RefitMethod, task: Task, near_radius: float, train: Train | None = None) -> Outcome:
    """Prices held-out parts of the owner's records.

    A part on which the training fails is skipped. A training that has said what fewer than five parts are worth,
    because it failed on the others or was stopped, counts as none.

    Args:
        method: The fitted method; its ``learners`` are tested, of which there is at least one.
        task: What it was fitted on.
        near_radius: See ``duplicates.near_radius``.
        train: The owner's training.

    Raises:
        ModelError: The training fails on every part, or its models do not answer as the goal needs.
    """
    goal = _Goal.of(task)
    parts = list(splits(task.owner, lambda part: np.asarray(task.context.encoder.x(part).numpy()), task.seed))
    trained, skipped = _true(train, task, goal, parts) if train else ({}, 0)
    finished, true = np.array(list(trained), dtype=np.int64), np.array(list(trained.values()))
    is_trained = len(true) >= MIN_EPISODES
    if not is_trained:
        parts = parts[:_SPLITS_OF_LEARNERS]
    kernel = Kernel(method.copy_share * near_radius)
    learners = method.learners[: 1 + (_RIVALS if is_trained else 1)]
    steps = len(learners) * len(parts)
    gains: list[Float64] = []
    for learner in learners:
        found: list[Float64] = []
        for part in parts:
            task.progress(_PRICING, len(gains) * len(parts) + len(found), steps)
            found.append(_predicted(learner, task, goal, kernel, part))
        gains.append(np.concatenate([*found, np.zeros((0, 2))]))
    task.progress(_PRICING, steps, steps)
    if is_trained:
        gains = [one[finished] for one in gains]
        best = _closest(gains, true)
        return Outcome(_compared(gains[best], true, "train", skipped), learners[best])
    return Outcome(_compared(gains[0], gains[-1], "learners" if len(gains) > 1 else "itself", skipped), learners[0])


def _compared(
    predicted: Float64, true: Float64, truth: Literal["train", "learners", "itself"], skipped: int
) -> Backtest | None:
    if len(predicted) < MIN_EPISODES:
        return None
    rank, slope = figures.rank_agreement(predicted, true), figures.slope(predicted, true)
    return Backtest(
        truth=truth,
        episodes=len(predicted),
        skipped=skipped,
        rank_agreement=rank.value,
        rank_error=rank.error,
        ceiling=figures.rank_agreement(true, true).value,
        slope=slope.value,
        slope_error=slope.error,
        expected_error=figures.expected_error(predicted, true),
    )


def _closest(gains: Sequence[Float64], true: Float64) -> int:
    """The learner with the least squared error of paid gains; the first one unless it is worse by a standard error."""
    errors = [((figures.paid(one) - figures.paid(true)) ** 2).mean(1) for one in gains]
    best = int(np.argmin([error.mean() for error in errors]))
    saved = errors[0] - errors[best]
    return best if saved.mean() > saved.std(ddof=1) / np.sqrt(len(saved)) else 0


@dataclass(frozen=True, eq=False)
class _Goal:
    """The risk on some validation records, and their two halves.

    Attributes:
        rows: Of the validation records (v).
        metric: The risk on them.
        halves: How often each counts in each half (2, v).
    """

    rows: Int64
    metric: Metric
    halves: Float64

    @classmethod
    def of(cls, task: Task) -> "_Goal":
        """Halves with equal shares of every label."""
        rng, metric = np.random.default_rng(task.seed), task.context.metric
        rows = np.sort(rng.permutation(len(metric.y))[:_MAX_VALIDATION])
        part = metric.take(rows)
        first = part.first_half.astype(np.float64)
        return cls(rows, part, np.stack([first, 1 - first]))

    def gains(self, before: Float64, after: Float64) -> list[float]:
        """Drop of the risk on each half."""
        return [self.metric.drop(before, after, half) for half in self.halves]


def _predicted(learner: Learner, task: Task, goal: _Goal, kernel: Kernel, part: Split) -> Float64:
    """Gains (offers, 2) of a learner that is retrained with each offer, weighted as in an appraisal."""
    context = task.context
    kept, inputs = context.encode(part.kept), context.validation.take(goal.rows)

    def outputs(records: Sample) -> Float64:
        return context.encoder.outputs_in_units(learner.outputs(records, inputs))

    before, found = outputs(kept), []
    for offer in part.offers.values():
        new = context.encode(offer)
        new = replace(new, weight=kernel.weights(new, kept))
        found.append(goal.gains(before, outputs(kept.join(new.take(np.flatnonzero(new.weight.numpy() > 0))))))
    return np.array(found)


def _true(train: Train, task: Task, goal: _Goal, parts: Sequence[Split]) -> tuple[dict[int, list[float]], int]:
    """Gains of the owner's model that is retrained with each offer, until the budget is spent.

    Returns:
        Gains by the place of the offer among all, and how many offers a training failed on.
    """
    x, done, planned = task.validation.x[goal.rows], 0, sum(1 + len(part.offers) for part in parts)
    found: dict[int, list[float]] = {}
    failures: list[ModelError] = []

    def outputs(records: Records) -> tuple[Float64 | None, ModelError | None]:
        """Of a model that is trained on records, or why it failed; neither once the budget is spent."""
        nonlocal done
        task.progress(_TRAINING, done, planned)
        done += 1
        try:
            model = train(records)
            answers = None if model is None else model.predict(x)
        except ModelError as error:
            return None, error
        return None if answers is None else _as_goal_needs(answers, goal), None

    place = 0
    for part in parts:
        before, failed = outputs(part.kept)
        for offer in part.offers.values():
            after, now_failed = (None, failed) if before is None else outputs(part.kept.join(offer))
            if now_failed is not None:
                failures.append(now_failed)
            elif before is None or after is None:
                return found, len(failures)
            else:
                found[place] = goal.gains(before, after)
            place += 1
    task.progress(_TRAINING, planned, planned)
    if failures and not found:
        raise failures[0]
    return found, len(failures)


def _as_goal_needs(answers: Predictions, goal: _Goal) -> Float64:
    found = model_outputs(answers, goal.metric)
    if found is None:
        raise ModelError(
            f"expected probabilities of a trained model, as {goal.metric.name} needs them, got labels",
            hint="return a model with predict_proba (--train), or choose another goal: --metric accuracy",
        )
    return found
