"""The model owner's commands: fit a price function, appraise a file with it, inspect it."""

import importlib
import inspect as inspection
import math
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click
from pydantic import ValidationError
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from assay.cli.terminal import AMOUNT, console, emit, json_option, report
from assay.errors import UsageError, listed_faults
from assay_pricing.errors import DataError, ModelError

if TYPE_CHECKING:
    from assay_pricing.appraisal import Appraisal
    from assay_pricing.function import PriceFunction
    from assay_pricing.records.columns import RawTable

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
FOLDER = click.Path(file_okay=False, path_type=Path)


class RecordsOption(click.Option):
    """An option that names a file of records; ``{formats}`` in its help becomes the list of formats when shown."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """See ``click.Option``."""
        from assay_pricing.records.formats import listing

        self.help = (self.help or "").format(formats=listing())
        return super().get_help_record(ctx)


@click.command()
@click.option("--model", "model_name", required=True, metavar="MODEL", help="The black box; see below.")
@click.option(
    "--data",
    cls=RecordsOption,
    type=FILE,
    required=True,
    help="Records that the model was trained on: a {formats} file.",
)
@click.option("--label", default="y", show_default=True, help="Name of the label column.")
@click.option("--validation", type=FILE, help="Records that define the goal; part of --data is set aside if not given.")
@click.option("--out", type=FOLDER, required=True, help="Folder for the price function.")
@click.option("--task", type=click.Choice(["classification", "regression"]), help="What the labels are, if not clear.")
@click.option("--class", "classes", multiple=True, help="A class that the model knows and the data lacks; repeatable.")
@click.option(
    "--metric",
    help="What to improve: log_loss (default), balanced_log_loss, accuracy, balanced_accuracy, auc; of a regression "
    "squared_error.",
)
@click.option("--worst-group", help="Improve the worst group: name of a categorical feature, or of the label.")
@click.option("--method", default="distillation", show_default=True, help="How worth is predicted.")
@click.option("--setting", "given", multiple=True, metavar="NAME=VALUE", help="Of the method; repeatable.")
@click.option("--pricing", type=click.Choice(["graded", "binary"]), default="graded", show_default=True)
@click.option(
    "--rate", type=AMOUNT, default=10**18, help="Per unit of gain, or per useful record; 1ether if not given."
)
@click.option("--cap", type=AMOUNT, default=2**96 - 1, help="Never pay more for one offer.")
@click.option("--floor", type=AMOUNT, default=0, help="A price below this is nothing.")
@click.option("--grid", type=AMOUNT, default=1, help="Round prices down to a multiple: says less of the model.")
@click.option("--lower-bound", is_flag=True, help="Pay the lower end of the gain's interval.")
@click.option("--labels-only", is_flag=True, help="Ask the model for labels alone.")
@click.option("--decay", type=click.FloatRange(0, 1e6), help="The model's own weight decay.")
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), default=0, show_default=True)
@json_option
def fit(
    *,
    model_name: str,
    data: Path,
    label: str,
    validation: Path | None,
    out: Path,
    task: Literal["classification", "regression"] | None,
    classes: tuple[str, ...],
    metric: str | None,
    worst_group: str | None,
    method: str,
    given: tuple[str, ...],
    pricing: Literal["graded", "binary"],
    rate: int,
    cap: int,
    floor: int,
    grid: int,
    lower_bound: bool,
    labels_only: bool,
    decay: float | None,
    seed: int,
    as_json: bool,
) -> None:
    """Fit the price function of a model and write it to a folder.

    MODEL is MODULE:NAME, an http:// or https:// URL, or a file that ends in .onnx. MODULE:NAME is a torch module, a
    scikit-learn estimator, a function from features to probabilities or labels, or a function without arguments that
    makes one of these; MODULE is looked for in the current folder first.

    \b
    Example:
      assay-oracle fit --model mymodel:predict --data train.parquet --label y --out price --rate 1ether
    """
    from assay_pricing import fitting
    from assay_pricing.price import PricingRule
    from assay_pricing.records.tables import infer_schema, to_records

    if decay is not None and math.isnan(decay):
        raise UsageError("expected a number for --decay, got none")
    try:
        rule = PricingRule(
            kind=pricing,
            rate=rate,
            cap=cap,
            floor=floor,
            grid=grid,
            basis="lower_bound" if lower_bound else "estimate",
        )
    except ValidationError as error:
        raise UsageError(listed_faults(error.errors(), mark="--")) from None
    tables = [_table(path) for path in (data, validation) if path is not None]
    schema = infer_schema(tables, label, task=task, classes=classes)
    owner, *held = (to_records(table, schema) for table in tables)
    shown = f"{len(schema.classes)} classes" if schema.classes else "a regression"
    report(f"{owner.n} records of {len(schema.features)} features, {shown}")
    with _bars() as progress:
        function = fitting.fit(
            load_model(model_name),
            owner,
            validation=held[0] if held else None,
            metric=metric,
            worst_group=worst_group,
            method=method,
            settings=dict(_setting(text) for text in given),
            rule=rule,
            decay=decay,
            seed=seed,
            labels_only=labels_only,
            progress=progress,
        )
    function.save(out)
    report(f"fidelity {function.fidelity:.1%}: how often the surrogate agrees with the model on held-out records")
    summary = {"out": str(out), "function_hash": function.hash, "fidelity": function.fidelity, "method": method}
    emit(summary, f"function\t0x{function.hash.hex()}\nfidelity\t{function.fidelity:.4f}\nfolder\t{out}", as_json)
    function.check_fidelity()


@click.command()
@click.argument("folder", type=FOLDER)
@click.argument("file", type=FILE)
@click.option(
    "--report", type=click.Path(dir_okay=False, path_type=Path), help="Write an HTML page with plots to this file."
)
@json_option
def appraise(folder: Path, file: Path, report: Path | None, as_json: bool) -> None:
    """Price FILE with the price function in FOLDER, offline, and say why.

    \b
    Example:
      assay-oracle appraise price offer.parquet --report appraisal.html
    """
    from assay_pricing.function import PriceFunction
    from assay_pricing.records.tables import parse_records

    function = PriceFunction.load(folder)
    with file.open("rb") as source:
        records = parse_records(source, function.schema)
    appraisal = function.appraise(records)
    if report is not None:
        from assay_oracle.owner.report import page

        report.write_text(page(function, records, appraisal), encoding="utf-8")
    emit(appraisal.to_dict(), _told(appraisal), as_json)


@click.command("export")
@click.argument("folder", type=FOLDER)
@click.option("--data", type=FILE, required=True, help="Records like those that are offered, labelled.")
@click.option("--kind", type=click.Choice(["linear", "tree", "forest"]), default="forest", show_default=True)
@click.option("--bits", type=int, default=4, show_default=True, help="Of a quantised number, at most 8.")
@click.option("--depth", type=int, default=6, show_default=True, help="Of a tree, at most 8.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="File for the scorer.")
@json_option
def export_(
    folder: Path, data: Path, kind: Literal["linear", "tree", "forest"], bits: int, depth: int, out: Path, as_json: bool
) -> None:
    """Distil the score of the price function in FOLDER into whole numbers: the integer price format.

    \b
    Example:
      assay-oracle export price --data train.parquet --kind forest --out scorer.json
    """
    from assay_pricing.canonical import canonical_json
    from assay_pricing.function import PriceFunction
    from assay_pricing.records.tables import parse_records
    from assay_pricing.scorer.export import export

    function = PriceFunction.load(folder)
    with data.open("rb") as source:
        scorer = export(function, parse_records(source, function.schema), kind, bits=bits, depth=depth)
    out.write_bytes(canonical_json(scorer.model_dump(mode="json")))
    agreement = scorer.rank_agreement / 10**6
    summary = {"out": str(out), "kind": kind, "rank_agreement": agreement, "rank_loss": 1 - agreement}
    emit(summary, f"scorer\t{out}\nkind\t{kind}\nrank agreement\t{agreement:.4f}", as_json)


@click.command("inspect")
@click.argument("folder", type=FOLDER)
@json_option
def inspect_(folder: Path, as_json: bool) -> None:
    """Show what a price function is, and what it carries of the owner's model and data.

    \b
    Example:
      assay-oracle inspect price
    """
    from assay_pricing.function import PriceFunction

    function = PriceFunction.load(folder)
    emit(function.manifest, _shown(function), as_json)


def load_model(name: str) -> Any:
    """The black box that a name stands for: a URL, an ONNX file, or ``module:name``.

    Raises:
        ModelError: There is no such model.
    """
    if name.startswith(("http://", "https://")):
        from assay_oracle.owner.remote_models import HttpModel

        return HttpModel(name)
    if name.endswith(".onnx"):
        from assay_oracle.owner.remote_models import OnnxModel

        return OnnxModel(Path(name))
    return load_object(name)


def _setting(text: str) -> tuple[str, int | float | str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise click.BadParameter(f"expected NAME=VALUE, got {text!r}", param_hint="--setting")
    for kind in (int, float):
        try:
            return name, kind(value)
        except ValueError:
            continue
    return name, value


def load_object(name: str) -> Any:
    """The object that ``module:name`` names; a function without parameters is called for it.

    Raises:
        ModelError: There is no such module or name, or importing it failed.
    """
    module_name, _, attribute = name.partition(":")
    if not module_name or not attribute:
        raise ModelError(
            f"expected MODULE:NAME, got {name!r}",
            hint="for example mymodel:predict, http://127.0.0.1:8000/predict or model.onnx",
        )
    folder = str(Path.cwd())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        found: Any = importlib.import_module(module_name)
        for part in attribute.split("."):
            found = getattr(found, part)
    except ImportError as error:
        raise ModelError(f"expected a module {module_name!r}, got: {error}", hint=f"looked in {folder} first") from None
    except AttributeError:
        raise ModelError(f"expected {attribute!r} in module {module_name!r}, it is not there") from None
    except Exception as error:
        raise ModelError(f"importing {module_name!r} failed: {type(error).__name__}: {error}") from error
    if not _takes_nothing(found):
        return found
    try:
        return found()
    except Exception as error:
        raise ModelError(f"{name} failed to make a model: {type(error).__name__}: {error}") from error


def _takes_nothing(found: Any) -> bool:
    if not callable(found) or hasattr(found, "predict") or hasattr(found, "forward"):
        return False
    try:
        return not inspection.signature(found).parameters
    except (TypeError, ValueError):
        return False


def _table(path: Path) -> "RawTable":
    from assay_pricing.records.tables import parse_table

    with path.open("rb") as source:
        try:
            return parse_table(source)
        except DataError as error:
            raise DataError(f"{path}: {error.message}", hint=error.hint) from None


@contextmanager
def _bars() -> Iterator[Callable[[str, int, int], None]]:
    """Bars on stderr, one for each thing that is being done."""
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console()) as bars:
        tasks: dict[str, TaskID] = {}

        def update(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=total)
            bars.update(tasks[what], completed=done, total=total)

        yield update


def _told(appraisal: "Appraisal") -> str:
    low, high = appraisal.interval
    lines = [
        f"price\t{appraisal.price}",
        f"gain\t{appraisal.predicted_gain:.6f} ({appraisal.metric}; 90 % interval {low:.6f} to {high:.6f})",
        f"records\t{appraisal.priced} of {appraisal.records} priced",
        f"fidelity\t{appraisal.fidelity:.4f}",
        *(f"because\t{reason}" for reason in appraisal.reasons),
    ]
    return "\n".join(lines)


def _shown(function: "PriceFunction") -> str:
    manifest = function.manifest
    rule, carried = manifest.rule, manifest.carried
    lines = [
        f"function\t0x{function.hash.hex()}",
        f"method\t{manifest.method}",
        f"goal\t{manifest.metric}" + (f", worst group by {manifest.worst_group}" if manifest.worst_group else ""),
        f"pricing\t{rule.kind}, rate {rule.rate}, cap {rule.cap}, floor {rule.floor}, grid {rule.grid}, {rule.basis}",
        f"fidelity\t{manifest.fidelity:.4f}",
        f"records\t{manifest.owner_records} of the owner, {manifest.validation_records} for validation",
        "",
        f"carries\t{carried.bytes} bytes",
        f"owner's\t{carried.owner_records} records in it",
        f"validation\t{carried.validation_records} records in it",
        f"best copy\tagrees with the model on {carried.copy_fidelity:.1%}, made by {carried.copied_by}",
        "",
        "tensor\tbytes\towner's records\tvalidation records\tcarries",
        *("\t".join(str(value) for value in leak.model_dump().values()) for leak in manifest.leaks),
    ]
    return "\n".join(lines)
