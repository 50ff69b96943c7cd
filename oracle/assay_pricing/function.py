"""The price function: fitted once by the model owner, then deterministic: the same offer has the same integer price."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from assay.protocol.schema import Schema
from assay_pricing import artifact, disclosure, duplicates, methods
from assay_pricing.appraisal import Appraisal, Verdict
from assay_pricing.artifact import Control, Manifest
from assay_pricing.controls import cut, measure
from assay_pricing.errors import DataError, FidelityError
from assay_pricing.methods import Method, Parts, RefitMethod
from assay_pricing.price import MICRO, PricingRule, to_micros
from assay_pricing.records.records import Float64, Records, content_hash
from assay_pricing.risk import Metric
from assay_pricing.surrogate.black_box import as_black_box
from assay_pricing.surrogate.calibration import calibrate
from assay_pricing.surrogate.distillation import FIDELITY_FLOOR
from assay_pricing.surrogate.encoder import Encoder
from assay_pricing.surrogate.network import deterministic
from assay_pricing.surrogate.task import Context, Progress, Sample, Task, no_progress, stratified_sample

MIN_VALIDATION = 30
_SPLIT = 0.3
_RESAMPLES = 200
_LEVELS = (0.05, 0.95)


@dataclass(frozen=True, eq=False)
class PriceFunction:
    """What the oracle runs: method, goal and pricing rule of one model.

    Attributes:
        manifest: All that is said about it.
        method: The fitted method.
        tensors: Everything that is stored, by name.
    """

    manifest: Manifest
    method: Method
    tensors: dict[str, Tensor]

    @property
    def schema(self) -> Schema:
        """What offered records must look like."""
        return self.manifest.schema_

    @property
    def hash(self) -> bytes:
        """SHA-256 over manifest and tensors, 32 bytes: ``ModelTerms.function_hash``."""
        return self.manifest.hash

    @property
    def fidelity(self) -> float:
        """Agreement of the surrogate with the model on held-out records, 0..1."""
        return self.manifest.fidelity

    def save(self, folder: Path) -> None:
        """Writes the artifact.

        Raises:
            ArtifactError: The folder cannot be written.
        """
        artifact.write(folder, *artifact.seal(self.manifest, self.tensors))

    @classmethod
    def load(cls, folder: Path) -> "PriceFunction":
        """Reads an artifact and checks every byte of it.

        Raises:
            ArtifactError: It is missing, damaged, altered, or of another version.
        """
        manifest, tensors = artifact.read(folder)
        context = _restore_context(manifest, tensors)
        own = {name.removeprefix("method."): t for name, t in tensors.items() if name.startswith("method.")}
        parts = Parts(own, manifest.settings, manifest.fidelity)
        return cls(manifest, methods.method(manifest.method).restore(context, parts), tensors)

    def check_fidelity(self) -> None:
        """Refuses a surrogate that does not stand for its model.

        Raises:
            FidelityError: It agrees with the model on less than 90 % of held-out records.
        """
        if self.fidelity < FIDELITY_FLOOR:
            raise FidelityError(
                f"expected a surrogate that agrees with the model on at least {FIDELITY_FLOOR:.0%} of held-out "
                f"records, got {self.fidelity:.1%}: its prices would not be the model's",
                hint="fit with more of the owner's data, or with another method",
            )

    def appraise(
        self,
        records: Records,
        *,
        known: frozenset[bytes] = frozenset(),
        beside: Records | None = None,
        sold: Records | None = None,
    ) -> Appraisal:
        """Prices an offer as one set.

        Args:
            records: The offer.
            known: Hashes of records that were priced for this model before.
            beside: The same seller's records in other offers: the offer is worth what it adds to them.
            sold: What others sold to the owner since the function was fitted: near copies of it are worth nothing.

        Raises:
            FidelityError: The surrogate's fidelity is under 0.90.
            DataError: The records are of another schema, or there are none.
        """
        self.check_fidelity()
        if records.schema != self.schema:
            raise DataError("expected records of the model's schema, got another schema")
        if records.n == 0:
            raise DataError("expected at least one record, got none")
        if any(other is not None and other.schema != self.schema for other in (beside, sold)):
            raise DataError("expected records of the model's schema beside the offer, got another schema")
        with deterministic():
            nothing = records.take(np.arange(0))
            return self._appraise(records, known, beside or nothing, sold or nothing)

    def _appraise(self, records: Records, known: frozenset[bytes], beside: Records, sold: Records) -> Appraisal:
        salt = bytes(self.tensors["owner.salt"].numpy())
        verdicts = duplicates.classify_exact_duplicates(records.hashes(), self.tensors["owner.hashes"], salt, known)
        rows = [i for i, verdict in enumerate(verdicts) if verdict is Verdict.USEFUL]
        points = np.zeros(records.n)
        gain, interval, value, useful = 0.0, (0.0, 0.0), 0.0, 0
        if rows:
            live = records.take(rows)
            points[rows] = self.method.record_values(live)
            value, gain, interval, useful = self._value(live, points[rows], beside, sold)
            for i in rows:
                if points[i] <= 0:
                    verdicts[i] = Verdict.HARMFUL
        basis = interval[0] if self.manifest.rule.basis == "lower_bound" else gain
        micros = max(to_micros(basis), 0)
        price = self.manifest.rule.price(micros, useful)
        return Appraisal(
            points=points,
            verdicts=tuple(verdicts),
            set_value=value,
            predicted_gain=max(to_micros(gain), 0) / MICRO,
            interval=interval,
            price=price,
            fidelity=self.fidelity,
            records=records.n,
            priced=len(rows),
            metric=self.manifest.metric,
            data_hash=records.content_hash(),
            function_hash=self.hash,
            reasons=tuple(self._reasons(records, verdicts, gain, price, beside)),
        )

    def _value(
        self, live: Records, points: Float64, beside: Records, sold: Records
    ) -> tuple[float, float, tuple[float, float], int]:
        """Set value, gain beyond the cut, its interval, and the number of distinct useful records."""
        context = self.method.context
        beyond = cut(self.manifest.controls, live.n)
        if not isinstance(self.method, RefitMethod):
            value = self.method.set_value(live)
            return value, value - beyond, (value - beyond, value - beyond), int((points > 0).sum())
        classes, radius = self.schema.task == "classification", self.manifest.near_radius
        offer = context.encode(live)
        other = self._other(offer, beside, sold)
        both = other.join(offer)
        weights = both.weight * duplicates.shares(both, context.base, radius, classes=classes)
        alone = other.weight * duplicates.shares(other, context.base, radius, classes=classes)
        without = torch.cat([alone, torch.zeros_like(offer.weight)])
        before, after = self.method.refit_outputs(both, torch.stack([without, weights]))
        value = context.metric.risk(before) - context.metric.risk(after)
        earned = value
        surely = context.metric.tempered(before), context.metric.tempered(after)
        if context.metric.risk(surely[0]) - context.metric.risk(surely[1]) < value:
            # What a mere change of confidence brings the owner has for nothing: it is not paid.
            before, after = surely
            earned = context.metric.risk(before) - context.metric.risk(after)
        low, high = _interval(context.metric, before, after, self.manifest.seed)
        counted = np.concatenate([np.ones(len(other)), points > 0])
        useful = duplicates.distinct(np.asarray((weights - without).numpy() * counted))
        return value, earned - beyond, (low - beyond, high - beyond), useful

    def _other(self, offer: Sample, beside: Records, sold: Records) -> Sample:
        """What an offer is priced beside.

        All that it copies, whoever offered that: a copy adds nothing. Of the seller's other records, ``MAX_BASE`` at
        most that stand for all; of what others sold, nothing else: what is new keeps its price.
        """
        context = self.method.context
        classes, radius = self.schema.task == "classification", self.manifest.near_radius
        parts = []
        for records in (beside, sold):
            copied = duplicates.copied(context.encode(records), offer, radius, classes=classes).numpy()
            parts.append(context.encode(records.take(copied)))
            if records is beside:
                rest = records.take(~copied)
                parts.append(stratified_sample(rest, context.encoder, np.random.default_rng(self.manifest.seed)))
        return reduce(Sample.join, parts)

    def _reasons(
        self,
        records: Records,
        verdicts: list[Verdict],
        gain: float,
        price: int,
        beside: Records,
    ) -> Iterator[str]:
        """What the seller is told.

        No figure of the gain, which would say more than the price on its grid, and not which records the owner has.
        """
        for those, said in (
            ((Verdict.REPEATED, Verdict.OWNED, Verdict.PRICED), "are nothing new and were taken out"),
            ((Verdict.HARMFUL,), "are not sure to make the model better by themselves"),
        ):
            count = sum(map(verdicts.count, those))
            if count:
                yield f"{count} of {records.n} records {said}"
        for column, values in records.unseen.items():
            name = self.schema.features[column].name
            yield f"column {name!r} has {len(values)} values that the model does not know"
        if not any(verdict in (Verdict.USEFUL, Verdict.HARMFUL) for verdict in verdicts):
            yield "no record is left to price"
            return
        added = f", beside {beside.n} of the seller's other offers" if beside else ""
        if price:
            yield f"together the records would lower the {self.manifest.metric} risk{added}"
        elif gain > 0:
            yield f"the price comes out below the owner's floor or grid{added}: nothing is paid"
        else:
            yield (
                f"together the records bring no more{added} than a change of confidence, or sets without worth, would: "
                "nothing is paid"
            )


def fit(
    model: Any,
    owner: Records,
    *,
    validation: Records | None = None,
    metric: str | None = None,
    worst_group: str | None = None,
    method: str = methods.DEFAULT,
    settings: Mapping[str, Any] | None = None,
    rule: PricingRule | None = None,
    decay: float | None = None,
    seed: int = 0,
    labels_only: bool = False,
    progress: Progress = no_progress,
) -> PriceFunction:
    """Makes the price function of a model.

    A function whose surrogate has a fidelity under 0.90 is returned, to be looked at; it refuses to price.

    Args:
        model: The black box, see ``as_black_box``; or a ``BlackBox``.
        owner: Records that the model was trained on.
        validation: Records that define the goal; a part of the owner's is set aside where there are none.
        metric: What to improve, see ``Metric``; log loss or squared error unless said.
        worst_group: Name of a categorical feature, or of the label: the goal is then the worst group's.
        method: Name of the method.
        settings: The method's own, by name; see ``methods.Method.settings``.
        rule: How gain becomes money.
        decay: The model's own weight decay; where none is stated, that with which a student comes closest to the model.
        seed: Everything random comes from it.
        labels_only: Look at the model's labels alone.
        progress: Told of long work.

    Raises:
        DataError: Too few records, or no such metric, group or setting.
        ModelError: The model does not answer as one of this schema must.
        ArtifactError: No such method.
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
            progress=progress,
        )
        fitted = methods.method(method).fit(replace(task, settings=methods.settings(method, settings or {})))
        controls = measure(fitted, task)
        return _assemble(task, fitted, controls, rule or PricingRule(), worst_group)


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
    progress: Progress = no_progress,
) -> Task:
    """What a method is fitted on, from the owner's side; see ``fit`` for arguments and errors."""
    schema = owner.schema
    rng = np.random.default_rng(seed)
    if validation is None:
        owner, validation = _split(owner, rng)
    if owner.n < 2 or validation.n < MIN_VALIDATION:
        raise DataError(
            f"expected at least 2 records to fit on and {MIN_VALIDATION} for validation, "
            f"got {owner.n} and {validation.n}"
        )
    if validation.schema != schema:
        raise DataError("expected owner's and validation records of one schema, got two schemas")
    black_box = model if hasattr(model, "parameters") and not callable(model.parameters) else None
    box = black_box or as_black_box(model, schema, labels_only=labels_only)
    name = metric or ("squared_error" if schema.task == "regression" else "log_loss")
    if (name == "squared_error") != (schema.task == "regression"):
        raise DataError(f"expected a metric for {schema.task}, got {name!r}")
    learner = calibrate(box, owner, validation, decay, seed)
    encoder = learner.encoder
    context = Context(
        schema=schema,
        encoder=encoder,
        base=stratified_sample(owner, encoder, rng),
        validation=Sample(
            encoder.x(validation), encoder.y(validation.y), torch.ones(validation.n, dtype=torch.float64)
        ),
        metric=Metric(name, validation.y, _groups(validation, worst_group)),
        decay=learner.decay,
    )
    return Task(context, box, owner, validation, seed, progress, linear=learner.linear)


def _assemble(
    task: Task, fitted: Method, controls: tuple[Control, ...], rule: PricingRule, worst_group: str | None
) -> PriceFunction:
    context = fitted.context
    hashes = task.owner.hashes()
    salt = hashlib.sha256(b"assay/owner-salt/v1" + content_hash(hashes)).digest()
    tensors = {
        "owner.salt": torch.frombuffer(bytearray(salt), dtype=torch.uint8),
        "owner.hashes": duplicates.salted(hashes, salt),
        "encoder.centre": torch.from_numpy(context.encoder.centre),
        "encoder.scale": torch.from_numpy(context.encoder.scale),
        "base.weight": context.base.weight,
        **{f"method.{name}": tensor for name, tensor in fitted.parts.tensors.items()},
    }
    if fitted.needs_records:
        tensors["base.x"], tensors["base.y"] = context.base.x, context.base.y
        tensors["validation.x"], tensors["validation.y"] = context.validation.x, torch.tensor(context.metric.y)
        if context.metric.groups is not None:
            tensors["validation.groups"] = torch.from_numpy(context.metric.groups)
    if context.encoder.basis is not None:
        tensors["encoder.basis"] = context.encoder.basis
    table = disclosure.leaks(task, fitted, tensors)
    before = _no_offer(fitted)
    manifest = Manifest(
        schema_=context.schema,
        method=fitted.name,
        settings=dict(fitted.parts.settings),
        metric=context.metric.name,
        worst_group=worst_group,
        rule=rule,
        fidelity=fitted.parts.fidelity,
        label_only=fitted.label_only,
        seed=task.seed,
        decay=context.decay,
        risk=before,
        target=context.encoder.target,
        standardised=context.encoder.standardised,
        controls=controls,
        near_radius=duplicates.near_radius(context.base),
        owner_records=task.owner.n,
        validation_records=task.validation.n,
        leaks=table,
        carried=disclosure.carried(task, fitted, table),
    )
    sealed, _ = artifact.seal(manifest, tensors)
    return PriceFunction(sealed, fitted, tensors)


def _restore_context(manifest: Manifest, tensors: dict[str, Tensor]) -> Context:
    schema = manifest.schema_
    centre, scale = tensors["encoder.centre"].numpy(), tensors["encoder.scale"].numpy()
    encoder = Encoder(schema, centre, scale, manifest.target, manifest.standardised, tensors.get("encoder.basis"))
    nothing = torch.zeros(0, dtype=torch.float64)
    no_x = torch.zeros((0, encoder.width), dtype=torch.float64)
    x, y = tensors.get("validation.x", no_x), tensors.get("validation.y", nothing).numpy()
    groups = tensors["validation.groups"].numpy() if "validation.groups" in tensors else None
    base = Sample(tensors.get("base.x", no_x), tensors.get("base.y", nothing), tensors["base.weight"])
    return Context(
        schema=schema,
        encoder=encoder,
        base=base,
        validation=Sample(x, encoder.y(y), torch.ones(len(x), dtype=torch.float64)),
        metric=Metric(manifest.metric, y, groups),
        decay=manifest.decay,
    )


def _no_offer(fitted: Method) -> float:
    """Risk of the surrogate before any offer; 0 for a method that keeps none."""
    if not isinstance(fitted, RefitMethod):
        return 0.0
    nothing = Sample(
        *(tensor[:0] for tensor in (fitted.context.base.x, fitted.context.base.y, fitted.context.base.weight))
    )
    return fitted.context.metric.risk(fitted.refit_outputs(nothing, torch.zeros((1, 0), dtype=torch.float64))[0])


def _split(owner: Records, rng: np.random.Generator) -> tuple[Records, Records]:
    rows = rng.permutation(owner.n)
    held = max(round(_SPLIT * owner.n), min(MIN_VALIDATION, owner.n - 2))
    return owner.take(np.sort(rows[held:])), owner.take(np.sort(rows[:held]))


def _groups(validation: Records, name: str | None) -> Any:
    if name is None:
        return None
    if name == validation.schema.label and validation.schema.task == "classification":
        return validation.y.astype(np.int64)
    for j, feature in enumerate(validation.schema.features):
        if feature.name == name and feature.kind == "categorical":
            return validation.x[:, j].astype(np.int64)
    raise DataError(f"expected the label or a categorical feature to group by, got {name!r}")


def _interval(metric: Metric, before: Float64, after: Float64, seed: int) -> tuple[float, float]:
    """90 % interval of the drop of the risk, by resampling validation records (Efron's percentile bootstrap)."""
    rng = np.random.default_rng(seed)
    v = len(metric.y)
    drops = []
    for _ in range(_RESAMPLES):
        counts = np.bincount(rng.integers(v, size=v), minlength=v).astype(np.float64)
        drops.append(metric.risk(before, counts) - metric.risk(after, counts))
    low, high = np.quantile(drops, _LEVELS)
    return float(low), float(high)
