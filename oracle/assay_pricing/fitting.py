"""Fitting a price function: from the owner's model, records and goal to an artifact."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from assay.protocol.schema import Schema
from assay_pricing import artifact, controls, disclosure, duplicates, methods
from assay_pricing.backtest.measure import Train, measure
from assay_pricing.backtest.typical import typical
from assay_pricing.black_box.check import examine
from assay_pricing.black_box.port import BlackBox
from assay_pricing.black_box.wrap import as_black_box
from assay_pricing.errors import DataError
from assay_pricing.function import PriceFunction
from assay_pricing.learners.halves import first_half
from assay_pricing.manifest import Backtest, Control, Manifest, installed_libraries
from assay_pricing.methods import Method, RefitMethod
from assay_pricing.methods.families.base import prefixed
from assay_pricing.price import Outlook, PricingRule
from assay_pricing.records.records import Records
from assay_pricing.risk import REGRESSION, Metric, groups_of
from assay_pricing.sums.form import published_sums
from assay_pricing.surrogate.calibration import calibrate
from assay_pricing.surrogate.network import AUTO, deterministic, device_of
from assay_pricing.surrogate.task import Context, Progress, Task, encoded, no_progress, stratified_sample
from assay_pricing.valuation import base_risk, coincidence

Terms = Callable[[Outlook], PricingRule]
"""The owner's terms as a function of what may be gained."""

MIN_VALIDATION = 30
_VALIDATION_SHARE = 0.3


def fit(
    model: Any,
    owner: Records,
    *,
    validation: Records | None = None,
    metric: str | None = None,
    worst_group: str | None = None,
    method: str = methods.DEFAULT,
    settings: Mapping[str, Any] | None = None,
    rule: PricingRule | Terms | None = None,
    decay: float | None = None,
    seed: int = 0,
    labels_only: bool = False,
    train: Train | None = None,
    device: str = AUTO,
    progress: Progress = no_progress,
) -> PriceFunction:
    """Fits the price function of a model.

    A function whose surrogate does not represent the model, or whose prices say nothing of what held-out records are
    worth, is returned for inspection; it refuses to price.

    Args:
        model: The black box, see ``as_black_box``; or a ``BlackBox``.
        owner: Records that the model was trained on.
        validation: Records that define the goal; if None, 30 % of the owner's records are set aside for it.
        metric: Name of the risk, see ``Metric``; log loss or squared error if None.
        worst_group: Name of a feature, or of the label: the risk is then that of the worst group, see ``groups_of``.
        method: Name of the pricing method.
        settings: Settings of the method, by name; see ``methods.Method.settings``.
        rule: From gain to money, or a function that says it when the gain of a typical offer is known;
            ``PricingRule()`` if None. A binary rule gets the ``record_gain`` that this gives, unless it has one.
        decay: The model's own weight decay; if None, the decay with which a student comes closest to the model.
        seed: Seed of every random draw.
        labels_only: Read the model's labels alone, even if it gives probabilities.
        train: The owner's training, see ``backtest.measure``: it says what held-out records are worth, chooses the
            learner that predicts this best, and gives prices their size.
        device: Where networks are compared, see ``device_of``. The price function is the same on every device.
        progress: Called during long work.

    Raises:
        DataError: Too few records, an unknown metric, group or setting, a training for a method that has no learner, or
            a device that there is not.
        ModelError: The model does not answer as a model of this schema must, or its classes are in another order; or
            the training fails.
        ArtifactError: Unknown method.
    """
    with deterministic():
        task = make_task(
            model,
            owner,
            validation=validation,
            metric=metric,
            worst_group=worst_group,
            decay=decay,
            seed=seed,
            labels_only=labels_only,
            device=device,
            progress=progress,
        )
        task = replace(task, settings=methods.settings(method, settings or {}))
        fitted = methods.method(method).fit(task)
        near_radius = duplicates.near_radius(fitted.context.base)
        fitted, tested = _tested(fitted, task, near_radius, train)
        measured = controls.measure(fitted, task)
        return _assemble(task, fitted, measured, rule or PricingRule(), worst_group, near_radius, tested)


def _tested(fitted: Method, task: Task, near_radius: float, train: Train | None) -> tuple[Method, Backtest | None]:
    """The method with the learner that its backtest prefers, and what that found; None if there is no learner."""
    if not isinstance(fitted, RefitMethod) or not fitted.learners:
        if train is not None:
            raise DataError(
                f"expected a method that retrains a learner, to compare it with a trained model, got {fitted.name}",
                hint="leave the training out (--train), or fit with another method or family (--method retraining)",
            )
        return fitted, None
    outcome = measure(fitted, task, near_radius, train)
    if outcome.learner is not fitted.learners[0]:
        fitted = fitted.with_learner(task, outcome.learner)
    return fitted, outcome.backtest


def make_task(
    model: Any,
    owner: Records,
    *,
    validation: Records | None = None,
    metric: str | None = None,
    worst_group: str | None = None,
    decay: float | None = None,
    seed: int = 0,
    labels_only: bool = False,
    device: str = AUTO,
    progress: Progress = no_progress,
) -> Task:
    """The input of ``Method.fit``, without the method's settings; see ``fit`` for arguments and errors."""
    schema = owner.schema
    rng = np.random.default_rng(seed)
    is_split = validation is None
    owner, validation, goal = _goal(owner, validation, metric, worst_group, rng)
    progress("asking the model", 0, 1)
    black_box = _black_box(model, schema, labels_only)
    examine(black_box, owner)
    progress("asking the model", 1, 1)
    compared_on = device_of(device, len(schema.features))
    learner = calibrate(black_box, owner, validation, decay, seed, progress, compared_on)
    encoder = learner.encoder
    held = encoded(encoder, validation)
    context = Context(
        schema=schema,
        encoder=encoder,
        base=stratified_sample(owner, encoder, rng),
        validation=held,
        metric=goal.halved(first_half(held, is_classified=schema.task == "classification")),
        decay=learner.decay,
    )
    return Task(
        context,
        black_box,
        owner,
        validation,
        seed,
        progress,
        linear=learner.linear,
        validation_is_learned=is_split,
        device=compared_on,
    )


def goal_of(
    owner: Records,
    validation: Records | None = None,
    *,
    metric: str | None = None,
    worst_group: str | None = None,
    seed: int = 0,
) -> tuple[Records, Records, Metric]:
    """The records to fit on, those for validation, and the risk on the latter; arguments and errors as of ``fit``."""
    return _goal(owner, validation, metric, worst_group, np.random.default_rng(seed))


def _goal(
    owner: Records, validation: Records | None, metric: str | None, worst_group: str | None, rng: np.random.Generator
) -> tuple[Records, Records, Metric]:
    schema = owner.schema
    source = ""
    if validation is None:
        source = f": of {owner.n} records {_VALIDATION_SHARE:.0%}, and at least {MIN_VALIDATION}, are for validation"
        owner, validation = _split(owner, rng)
    if owner.n < 2 or validation.n < MIN_VALIDATION:
        raise DataError(
            f"expected at least 2 records to fit on and {MIN_VALIDATION} for validation, "
            f"got {owner.n} and {validation.n}{source}",
            hint=f"give at least {MIN_VALIDATION + 2} records, or others for validation (--validation)",
        )
    if validation.schema != schema:
        raise DataError("expected owner's and validation records of one schema, got two schemas")
    groups = None if worst_group is None else groups_of(validation, worst_group)
    return owner, validation, Metric(_metric_name(metric, schema), validation.y, groups)


def _black_box(model: Any, schema: Schema, labels_only: bool) -> BlackBox:
    if hasattr(model, "parameters") and not callable(model.parameters):  # a ``BlackBox``: its size is no method
        found: BlackBox = model
        return found
    return as_black_box(model, schema, labels_only=labels_only)


def _metric_name(metric: str | None, schema: Schema) -> str:
    regression = schema.task == "regression"
    name = metric or ("squared_error" if regression else "log_loss")
    if (name in REGRESSION) != regression:
        raise DataError(
            f"expected a metric for {schema.task}, got {name!r}", hint="or say what the labels are (--task)"
        )
    return name


def _split(owner: Records, rng: np.random.Generator) -> tuple[Records, Records]:
    """Records to fit on and records for validation."""
    rows = rng.permutation(owner.n)
    v = max(round(_VALIDATION_SHARE * owner.n), min(MIN_VALIDATION, owner.n - 2))
    return owner.take(np.sort(rows[v:])), owner.take(np.sort(rows[:v]))


def _assemble(
    task: Task,
    method: Method,
    measured: tuple[Control, ...],
    rule: PricingRule | Terms,
    worst_group: str | None,
    near_radius: float,
    tested: Backtest | None,
) -> PriceFunction:
    context, encoder = method.context, method.context.encoder
    tensors = _tensors(task, method)
    leaks = disclosure.leaks(task, method, tensors)
    manifest = Manifest(
        schema_=context.schema,
        method=method.name,
        settings=dict(method.parts.settings),
        metric=context.metric.name,
        worst_group=worst_group,
        rule=PricingRule(),
        outlook=Outlook(),
        fidelity=method.parts.fidelity,
        agreement=method.parts.agreement,
        backtest=tested,
        label_only=method.label_only,
        seed=task.seed,
        decay=context.decay,
        risk=base_risk(method),
        target=encoder.target,
        standardised=encoder.standardised,
        controls=measured,
        instability=controls.instability(method, task.seed),
        coincidence=coincidence(method, near_radius),
        near_radius=near_radius,
        owner_records=task.owner.n,
        validation_records=task.validation.n,
        leaks=leaks,
        carried=disclosure.carried(task, method, leaks),
        libraries=installed_libraries(),
    )
    seen = typical(method, manifest, task)
    priced = manifest.model_copy(update={"rule": _rule(rule, seen), "outlook": seen})
    final, _ = artifact.finalize(priced.model_copy(update={"sums": published_sums(priced, method)}), tensors)
    return PriceFunction(final, method, tensors)


def _rule(stated: PricingRule | Terms, seen: Outlook) -> PricingRule:
    """The pricing rule; a binary one knows what a useful record gains."""
    rule = stated if isinstance(stated, PricingRule) else stated(seen)
    if rule.kind == "binary" and not rule.record_gain:
        return rule.model_copy(update={"record_gain": seen.record_gain})
    return rule


def _tensors(task: Task, method: Method) -> dict[str, Tensor]:
    """All tensors of the artifact, by name."""
    context, encoder = method.context, method.context.encoder
    salt = hashlib.sha256(b"assay/owner-salt/v1" + task.owner.content_hash()).digest()
    owned = [*task.owner.hashes(), *(task.validation.hashes() if task.validation_is_learned else ())]
    tensors = {
        "owner.salt": torch.frombuffer(bytearray(salt), dtype=torch.uint8),
        "owner.hashes": duplicates.salted_hashes(owned, salt),
        "encoder.centre": torch.from_numpy(encoder.centre),
        "encoder.scale": torch.from_numpy(encoder.scale),
        "base.weight": context.base.weight,
        **prefixed(method.parts.tensors, "method."),
    }
    if encoder.basis is not None:
        tensors["encoder.basis"] = encoder.basis
    if method.needs_records:
        part = "raw" if method.reads_raw else "x"
        tensors[f"base.{part}"], tensors["base.y"] = getattr(context.base, part), context.base.y
        tensors[f"validation.{part}"] = getattr(context.validation, part)
        tensors["validation.y"] = torch.tensor(context.metric.y)
        tensors["validation.first_half"] = torch.from_numpy(context.metric.first_half)
        if context.metric.groups is not None:
            tensors["validation.groups"] = torch.from_numpy(context.metric.groups)
    return tensors
