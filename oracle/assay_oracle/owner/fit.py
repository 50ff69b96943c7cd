"""Fitting at the owner's desk: what can be wrong is said first, a rate is asked for before anything costly is done."""

import contextlib
import math
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from assay.amounts import ETHER, Token, short_amount
from assay.errors import UsageError
from assay_oracle.owner.calls import ModelCalls
from assay_oracle.owner.columns import columns_text, out_of_range
from assay_oracle.owner.load import check_name, load_function, load_model, stated_classes
from assay_oracle.owner.training import BUDGET, BoundedTraining, seconds_of
from assay_pricing.errors import PricingError

if TYPE_CHECKING:
    from assay.protocol.encoder import Encoder
    from assay.protocol.schema import Schema
    from assay_pricing.black_box.inputs import Inputs
    from assay_pricing.encoding.encoders import Encoders
    from assay_pricing.function import PriceFunction
    from assay_pricing.manifest import Backtest
    from assay_pricing.price import Outlook, PricingRule
    from assay_pricing.records.columns import RawTable
    from assay_pricing.records.profile import ColumnProfile
    from assay_pricing.records.records import Records
    from assay_pricing.risk import Metric
    from assay_pricing.surrogate.task import Progress

TaskKind = Literal["classification", "regression"]
_FEW = 5
_FEW_OF_GROUP = 30
_SHOWN = 5
MODEL_TIMEOUT = 3600.0
"""Seconds for one call of the model by default. A request to a URL has a limit of its own."""
DEFAULT_RATE = 10**18
"""Base units per unit of a classification's goal, which has no dimension."""


@dataclass(frozen=True)
class Request:
    """What the owner asks for; see ``assay-oracle fit --help``.

    Attributes:
        model: Name of the model.
        data: File of the records that the model was trained on.
        validation: File of the records that define the goal; None to set some of ``data`` aside.
        label: Name of the label column.
        task: Meaning of the labels; None to ask the model, and then the labels.
        columns: What the owner says of columns, by the fields of ``assay_pricing.records.roles.Choices``.
        encoders: Declarations of encoders.
        classes: Classes of the model that the data lacks.
        order: The model's classes in the order of its outputs.
        outputs: What the model returns; None to infer it.
        inputs: What the model takes; None to try.
        model_timeout: Seconds for one call of the model, 0 for any number; None for the usual limit.
        labels_only: Read the model's labels alone.
        train: Name of the function that trains the model; None to test prices with learners.
        train_budget: Time for all trainings.
        budget: What the owner will spend, in base units, from which the rate follows; None if she names the rate.
        rate: Base units per unit of gain, or per useful record; None if it follows from the budget.
        pricing: Of the rule.
        terms: Other fields of the pricing rule.
        options: Further arguments of ``fitting.fit``.
        token: In whose unit amounts are shown.
    """

    model: str
    data: Path
    validation: Path | None
    label: str
    task: TaskKind | None = None
    columns: Mapping[str, Any] = field(default_factory=dict)
    encoders: Sequence[Path] = ()
    classes: Sequence[str] = ()
    order: Sequence[str] = ()
    outputs: Literal["probabilities", "logits", "labels"] | None = None
    inputs: "Inputs | None" = None
    model_timeout: float | None = None
    labels_only: bool = False
    train: str | None = None
    train_budget: str = BUDGET
    budget: int | None = None
    rate: int | None = None
    pricing: Literal["graded", "binary"] = "graded"
    terms: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    token: Token = ETHER


Report = Callable[[str], None]
Read = Callable[[Path], "RawTable"]


def check(request: Request) -> None:
    """Checks what needs neither the data nor the numerical libraries.

    Raises:
        ModelError: There is no such model.
        DataError: There is no such metric, or not for the task.
        UsageError: Rate and budget are both given, or the time for trainings is no duration.
    """
    from assay_pricing.risk import check_metric

    if request.rate is not None and request.budget is not None:
        raise UsageError("expected --rate or --budget, got both", hint="a budget sets the rate")
    check_name(request.model)
    if request.train is not None:
        check_name(request.train)
    seconds_of(request.train_budget)
    metric = request.options.get("metric")
    if metric is not None:
        check_metric(metric)


@dataclass(frozen=True)
class Fitted:
    """A price function, and what the owner should know about it.

    Attributes:
        function: The price function.
        columns: What was read, column by column.
        warnings: Sentences about the columns.
        outside: Those of them that say why no learner may do well on the validation records.
    """

    function: "PriceFunction"
    columns: "Sequence[ColumnProfile]"
    warnings: Sequence[str]
    outside: Sequence[str] = ()

    def check(self) -> None:
        """Refuses the function as ``PriceFunction.check_fidelity`` does, and says what its columns have to do with it.

        Raises:
            PricingError: See there.
        """
        try:
            self.function.check_fidelity()
        except PricingError as error:
            if not self.outside:
                raise
            raise type(error)(error.message, hint="; ".join([*self.outside, *filter(None, [error.hint])])) from error


def fit(request: Request, read: Read, report: Report, progress: "Progress") -> Fitted:
    """Fits the price function that is asked for.

    Args:
        request: What is asked for, after ``check``.
        read: Reads a file of records.
        report: Takes sentences for the owner.
        progress: Called during long work.

    Raises:
        UsageError: Neither rate nor budget is given, and no rate would be right for every model.
        PricingError: The model, the data or the method does not fit.
    """
    with _prints_on_stderr():
        model = load_model(request.model, timeout=request.model_timeout)
        return _fit(request, model, read, report, progress)


def _fit(request: Request, model: Any, read: Read, report: Report, progress: "Progress") -> Fitted:
    from assay_oracle.owner.summary import cost_lines
    from assay_pricing import fitting, methods
    from assay_pricing.black_box.check import examine
    from assay_pricing.black_box.training import Training
    from assay_pricing.black_box.wrap import Wrapped, as_black_box, task_of
    from assay_pricing.records.inference import infer
    from assay_pricing.records.profile import profile
    from assay_pricing.records.roles import Choices
    from assay_pricing.records.tables import to_records
    from assay_pricing.risk import REGRESSION
    from assay_pricing.surrogate.outlook import outlook

    options, trains = dict(request.options), load_function(request.train) if request.train else None
    methods.settings(options["method"], options["settings"])
    tables = [read(path) for path in (request.data, request.validation) if path is not None]
    order = tuple(request.order) or stated_classes(request.model)
    task = request.task or task_of(model)
    encoders, by_column = _encoders(request.encoders)
    inferred = infer(
        tables,
        request.label,
        task=task,
        classes=(*request.classes, *order),
        choices=Choices(**request.columns),
        encoders=by_column,
    )
    columns_of_files = inferred.schema
    owner, *held_out = (to_records(table, columns_of_files, encoders) for table in tables)
    schema, columns = owner.schema, profile(columns_of_files, owner)
    report(columns_text(columns))
    for warning in inferred.warnings:
        report(f"warning: {warning}")
    reason = "--task" if request.task else "the model is an estimator of this kind" if task else _guess(schema)
    report(f"{owner.n} records of {len(schema.features)} features, {_kind(schema)} ({reason})")

    def wrapped(model: Any) -> Wrapped:
        return as_black_box(
            model,
            schema,
            labels_only=request.labels_only,
            order=order if schema.classes else (),
            outputs=request.outputs,
            inputs=request.inputs,
            shape=tables[0].shape,
            watch=ModelCalls(report, _limit(request.model_timeout)),
        )

    black_box = wrapped(model)
    found = examine(black_box, owner)
    report(f"the model gets {black_box.inputs}")
    for warning in found.warnings:
        report(f"warning: {warning}")
    report(_agreement(found.agreement, found.commonest, schema))
    owned, held, metric = fitting.goal_of(
        owner,
        held_out[0] if held_out else None,
        metric=options["metric"],
        worst_group=options["worst_group"],
        seed=options["seed"],
    )
    outside = list(out_of_range(owned, held))
    for warning in (*_rare(owned, held), *outside, *_small_groups(metric, options["worst_group"])):
        report(f"warning: {warning}")
    if request.rate is None and request.budget is None and metric.name in REGRESSION:
        raise _no_rate(outlook(black_box, owned, held, metric, options["seed"]), request, metric.name)
    train = None
    if trains is not None:
        train = BoundedTraining(Training(trains, black_box, wrapped), seconds_of(request.train_budget))
    function = fitting.fit(
        black_box,
        owner,
        validation=held_out[0] if held_out else None,
        rule=partial(rule_for, request),
        train=train,
        progress=progress,
        **options,
    )
    if train is not None:
        for warning in _of_trainings(train, function.manifest.backtest):
            report(f"warning: {warning}")
    for line in cost_lines(function.manifest, request.token):
        report(line)
    return Fitted(function.reading(columns_of_files, encoders), columns, [*inferred.warnings, *outside], outside)


def _encoders(declarations: Sequence[Path]) -> "tuple[Encoders, dict[str, Encoder]]":
    """The encoders that are declared, and the declaration of each by its column."""
    from assay_pricing.encoding.declaration import read_declaration, reader
    from assay_pricing.encoding.encoders import Encoders

    declared = [read_declaration(path) for path in declarations]
    by_column = {one.column: one.encoder for one in declared}
    if len(by_column) < len(declared):
        raise UsageError(
            "expected encoders of distinct columns, got several of one", hint="give --encoder once for each"
        )
    return Encoders(reader({sha256: path for one in declared for sha256, path in one.files.items()})), by_column


def _of_trainings(train: BoundedTraining, tested: "Backtest | None") -> Iterator[str]:
    """Why some held-out parts were not tested by ``--train``."""
    is_truth = tested is not None and tested.truth == "train"
    few = "too few to say what held-out parts are worth: learners say it instead"
    if train.failures:
        said = f"{len(train.failures)} of the trainings for --train failed, and their parts were left out"
        yield f"{said}{'' if is_truth else f'; the others are {few}'}: {train.failures[0]}"
    if train.is_over:
        said = f"the time for --train was over after {train.done} trainings"
        if tested is not None and is_truth:
            yield f"{said}: prices were tested on {tested.episodes} held-out parts; more time makes the figures surer"
        else:
            yield f"{said}, {few}; give more (--train-budget)"


def _limit(stated: float | None) -> float | None:
    return (MODEL_TIMEOUT if stated is None else stated) or None


def rule_for(request: Request, seen: "Outlook") -> "PricingRule":
    """The pricing rule with the rate that the owner named, that her budget gives, or that a classification has.

    A budget is also the highest price of one offer, unless the owner named another cap.
    """
    from assay_pricing.price import PricingRule

    terms = dict(request.terms)
    if request.rate is not None:
        rate = request.rate
    elif request.budget is not None:
        rate = seen.suggested_rate(request.budget, request.pricing)
        terms.setdefault("cap", request.budget)
    else:
        rate = DEFAULT_RATE if request.pricing == "graded" else seen.rate_per_record(DEFAULT_RATE)
    return PricingRule(kind=request.pricing, rate=rate, **terms)


def _no_rate(seen: "Outlook", request: Request, metric: str) -> UsageError:
    one = 10 ** (request.token.decimals or 0)
    unit = "the squared labels" if metric == "squared_error" else "the labels"
    return UsageError(
        f"expected --rate or --budget: the unit of the gain is that of {unit}, of which the model has {seen.risk:.4g} "
        f"left, and {seen.records} more records of the owner's kind bring a small network about {seen.gain:.2g}",
        hint=f"--budget 1eth would set --rate {seen.suggested_rate(one, request.pricing)}, at which "
        f"{seen.records} more records of the owner's kind cost {short_amount(one // 10, request.token)}",
    )


def _kind(schema: "Schema") -> str:
    return f"{len(schema.classes)} classes" if schema.classes else "a regression"


def _rare(owner: "Records", validation: "Records") -> Iterator[str]:
    """Classes of which too few records are there to fit on or to measure a gain by, with their counts."""
    counts = {
        name: tuple(int((part.y == code).sum()) for part in (owner, validation))
        for code, name in enumerate(owner.schema.classes)
    }
    few = sorted((pair, name) for name, pair in counts.items() if min(pair) < _FEW)
    if few:
        shown = ", ".join(f"{name!r} {fitted} and {held}" for (fitted, held), name in few[:_SHOWN])
        more = f" and {len(few) - _SHOWN} classes more" if len(few) > _SHOWN else ""
        yield (
            f"few records of a class, to fit on and for validation: {shown}{more}; what records of it bring is hardly "
            "seen: give more of them (--data, --validation)"
        )


def _small_groups(metric: "Metric", name: str | None) -> Iterator[str]:
    """Groups of which too few validation records are there to say which is the worst."""
    if metric.groups is None:
        return
    counts = Counter(metric.groups.tolist()).values()
    if min(counts) < _FEW_OF_GROUP:
        yield (
            f"the smallest of {len(counts)} groups by {name!r} has {min(counts)} validation records; with fewer than "
            f"{_FEW_OF_GROUP} chance decides which is the worst: give more (--validation)"
        )


def _guess(schema: "Schema") -> str:
    if not schema.classes:
        return "guessed, as the labels are many numbers: --task classification reads them as classes"
    if all(_is_number(name) for name in schema.classes):
        return "guessed, as the labels are few whole numbers: --task regression reads them as values"
    return "the labels are text"


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _agreement(agreement: float, commonest: float, schema: "Schema") -> str:
    if schema.classes:
        return f"the model gives {agreement:.1%} of the owner's labels; the most common label alone is {commonest:.1%}"
    return f"the model's values explain {agreement:.1%} of the variance of the owner's labels (R^2)"


@contextlib.contextmanager
def _prints_on_stderr() -> Iterator[None]:
    """What a model prints does not mix with the result."""
    with contextlib.redirect_stdout(sys.stderr):
        yield
