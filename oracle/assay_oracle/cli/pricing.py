"""The model owner's commands: fit a price function, appraise a file with it, export it in integers, inspect it."""

import csv
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from assay.cli.params import AMOUNT, DataFile
from assay.cli.terminal import emit, json_option, report
from assay_oracle.cli.columns import column_options, encoder_option
from assay_oracle.cli.options import Setting
from assay_oracle.cli.progress import progress_bars
from assay_oracle.cli.token import token_option

if TYPE_CHECKING:
    from assay.amounts import Token
    from assay_pricing.function import PriceFunction
    from assay_pricing.records.columns import RawTable
    from assay_pricing.records.records import Records

DATA = DataFile(folder=True)
"""A file of records, or a folder of such files."""
OUT_FILE = click.Path(dir_okay=False, path_type=Path)
FOLDER = click.Path(file_okay=False, path_type=Path)


class RecordsOption(click.Option):
    """An option that names records; ``{files}`` and ``{folders}`` in its help become lists of formats when shown."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """See ``click.Option``."""
        from assay_pricing.records.formats import listing, listing_of_folders

        self.help = (self.help or "").format(files=listing(), folders=listing_of_folders())
        return super().get_help_record(ctx)


@click.command()
@click.option("--model", "model_name", required=True, metavar="MODEL", help="The black box; see below.")
@click.option(
    "--data",
    cls=RecordsOption,
    type=DATA,
    required=True,
    help="Records that the model was trained on: a file ({files}), or a folder of {folders}.",
)
@click.option("--label", default="y", show_default=True, help="Name of the label column.")
@click.option("--validation", type=DATA, help="Records that define the goal; by default a part of --data is set aside.")
@click.option("--out", type=FOLDER, required=True, help="Folder for the price function, new or empty.")
@click.option("--replace", is_flag=True, help="Replace a price function in --out that no model is registered with.")
@click.option(
    "--task", type=click.Choice(["classification", "regression"]), help="Meaning of the labels; inferred by default."
)
@column_options
@encoder_option
@click.option("--class", "classes", multiple=True, help="A class of the model that the data lacks; repeatable.")
@click.option(
    "--classes",
    "order",
    metavar="A,B,C",
    help="The model's classes in the order of its outputs, where it does not name them; or CLASSES in MODULE.",
)
@click.option(
    "--outputs",
    type=click.Choice(["probabilities", "logits", "labels"]),
    help="What the model returns; inferred by default.",
)
@click.option(
    "--inputs",
    type=click.Choice(["array", "frame", "records", "record", "row"]),
    help="What the model takes: all records as an array, a data frame or a list of dictionaries (records), or one at a "
    "time as a dictionary (record) or an array (row); found out by default.",
)
@click.option(
    "--model-timeout",
    type=click.FloatRange(0),
    metavar="SECONDS",
    help="For one call of the model; 0 for any time. 3600 by default, 60 for one request to a URL.",
)
@click.option(
    "--metric",
    help="The risk to lower: log_loss (default), balanced_log_loss, accuracy, balanced_accuracy, auc; for a "
    "regression squared_error (default), absolute_error.",
)
@click.option(
    "--worst-group",
    metavar="COLUMN",
    help="Take the risk of the worst group by a feature or the label; more than ten numbers group by quarters.",
)
@click.option("--method", default="retraining", show_default=True, help="Pricing method; see docs/pricing.md.")
@click.option(
    "--setting", "settings", multiple=True, type=Setting(), metavar="NAME=VALUE", help="Of the method; repeatable."
)
@click.option("--pricing", type=click.Choice(["graded", "binary"]), default="graded", show_default=True)
@click.option(
    "--rate",
    type=AMOUNT,
    help="Per unit of gain, or per useful record: 1ether per unit by default; a regression needs this or --budget.",
)
@click.option(
    "--budget",
    type=AMOUNT,
    help="Sets the rate: ten offers of the owner's kind, each a fifth as large as her data, cost this together. It is "
    "also the cap, unless --cap is given.",
)
@click.option("--cap", type=AMOUNT, help="Highest price of one offer; without limit by default.")
@click.option("--floor", type=AMOUNT, default=0, help="Lowest price; a lower one becomes 0.")
@click.option("--grid", type=AMOUNT, default=1, help="Prices are multiples of this; a coarse grid discloses less.")
@click.option("--lower-bound", is_flag=True, help="Pay the lower bound of the gain's 90 % interval.")
@click.option("--labels-only", is_flag=True, help="Read the model's labels alone.")
@click.option(
    "--train",
    metavar="MODULE:FUNCTION",
    help="Trains the model from inputs and labels: it says what held-out parts of --data are worth, 18 times. Without "
    "it learners like the model say so.",
)
@click.option(
    "--train-budget", default="10m", show_default=True, metavar="TIME", help="For all trainings: 90s, 10m or 2h."
)
@click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda"]),
    default="auto",
    show_default=True,
    help="Where networks are compared; auto takes a GPU for wide inputs. Prices are the same on every device.",
)
@click.option("--decay", type=click.FloatRange(0, 1e6), help="The model's own weight decay; estimated by default.")
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), default=0, show_default=True)
@token_option
@json_option
def fit(
    *,
    model_name: str,
    data: Path,
    label: str,
    validation: Path | None,
    out: Path,
    replace: bool,
    task: Literal["classification", "regression"] | None,
    ids: tuple[str, ...],
    dropped: tuple[str, ...],
    features: tuple[str, ...],
    categories: tuple[str, ...],
    units: dict[str, str],
    encoders: tuple[Path, ...],
    classes: tuple[str, ...],
    order: str | None,
    outputs: Literal["probabilities", "logits", "labels"] | None,
    inputs: Literal["array", "frame", "records", "record", "row"] | None,
    model_timeout: float | None,
    metric: str | None,
    worst_group: str | None,
    method: str,
    settings: tuple[tuple[str, int | float | str], ...],
    pricing: Literal["graded", "binary"],
    rate: int | None,
    budget: int | None,
    cap: int | None,
    floor: int,
    grid: int,
    lower_bound: bool,
    labels_only: bool,
    train: str | None,
    train_budget: str,
    device: str,
    decay: float | None,
    seed: int,
    token: "Token",
    as_json: bool,
) -> None:
    """Fit the price function of a model and write it to a folder.

    MODEL is MODULE:NAME, an http:// or https:// URL, or a file that ends in .onnx. MODULE:NAME is a torch module, a
    scikit-learn estimator, a function from features to probabilities or labels, or a function without arguments that
    returns one of these. MODULE is imported from the current folder first.

    Before it is written, the price function is tested: parts of --data are held out and priced as offers would be. With
    --train the prices also get the size of true gains. FUNCTION gets inputs as the model takes them and labels as in
    the file, and returns what --model may be: def train(inputs, labels): return Model().fit(inputs, labels)

    \b
    Examples:
      assay-oracle fit --model mymodel:predict --data train.parquet --label y --out price --rate 1ether
      assay-oracle fit --model mymodel:model --train mymodel:train --train-budget 20m --data train.csv --out price
    """
    from assay_oracle.owner import fit as desk

    terms = {"floor": floor, "grid": grid, "basis": "lower_bound" if lower_bound else "estimate"}
    request = desk.Request(
        model=model_name,
        data=data,
        validation=validation,
        label=label,
        task=task,
        columns={"ids": ids, "dropped": dropped, "features": features, "categories": categories, "units": units},
        encoders=encoders,
        classes=classes,
        order=next(csv.reader([order]), ()) if order else (),
        outputs=outputs,
        inputs=inputs,
        model_timeout=model_timeout,
        labels_only=labels_only,
        train=train,
        train_budget=train_budget,
        rate=rate,
        budget=budget,
        pricing=pricing,
        token=token,
        terms=terms if cap is None else {**terms, "cap": cap},
        options={
            "metric": metric,
            "worst_group": worst_group,
            "method": method,
            "settings": dict(settings),
            "decay": decay,
            "device": device,
            "seed": seed,
        },
    )
    _check_decay(decay)
    _check_terms(request.terms)
    desk.check(request)
    report(f"loading {model_name}")
    from assay_oracle.owner.summary import backtest_lines, fidelity_lines, fit_text
    from assay_pricing import artifact

    artifact.check_free(out, replace=replace)
    with progress_bars() as progress:
        fitted = desk.fit(request, _table, report, progress)
    function, outlook = fitted.function, fitted.function.manifest.outlook
    function.save(out, replace=replace)
    for line in (*fidelity_lines(function.manifest), *backtest_lines(function.manifest)):
        report(line)
    summary = {
        "out": str(out),
        "function_hash": function.hash,
        "fidelity": function.fidelity,
        "agreement": function.manifest.agreement,
        "backtest": function.manifest.backtest,
        "method": method,
        "rate": str(function.manifest.rule.rate),
        "cap": str(function.manifest.rule.cap),
        "risk": outlook.risk,
        "typical_records": outlook.records,
        "outlook": outlook,
        "typical_price": str(outlook.typical(function.manifest.rule)),
        "perfect_price": str(outlook.perfect(function.manifest.rule)),
        "columns": fitted.columns,
        "warnings": fitted.warnings,
    }
    if as_json:
        fitted.check()  # stdout has one JSON document: the error, or the summary
    emit(summary, fit_text(function, out), as_json)
    fitted.check()


@click.command()
@click.argument("folder", type=FOLDER)
@click.argument("file", type=DATA)
@click.option("--report", "page", type=OUT_FILE, help="Write an HTML page with plots to this file.")
@click.option("--scheduler", metavar="ADDRESS", help="Work on parts of FILE on a Dask cluster; the price is the same.")
@click.option("--without-records", is_flag=True, help="Leave the records' own columns out of the page: fit to be sent.")
@token_option
@json_option
def appraise(
    folder: Path,
    file: Path,
    page: Path | None,
    without_records: bool,
    scheduler: str | None,
    token: "Token",
    as_json: bool,
) -> None:
    """Price FILE offline with the price function in FOLDER, and give the reasons.

    \b
    Example:
      assay-oracle appraise price offer.parquet --report appraisal.html
    """
    from assay_oracle.owner.cluster import pool_at
    from assay_oracle.owner.columns import columns_text
    from assay_oracle.owner.summary import appraisal_text
    from assay_pricing.artifact import pricing_of
    from assay_pricing.records.profile import profile

    function = _loaded(folder)
    records, ignored = _records(file, function)
    columns = profile(function.file_schema, records)
    report(columns_text(columns))
    for name in ignored:
        report(f"column {name!r} is no feature of the model: it is not read")
    with pool_at(scheduler) as pool, pricing_of(file, folder):
        appraisal = function.appraise(records, pool=pool)
    if page is not None:
        from assay_oracle.owner.report import Heading, render

        heading = Heading(file.name, f"{datetime.now(UTC):%Y-%m-%d}", token=token, with_records=not without_records)
        page.write_text(render(function, records, appraisal, heading), encoding="utf-8")
    emit({**appraisal.to_dict(), "columns": columns}, appraisal_text(appraisal, token), as_json)


@click.command("export")
@click.argument("folder", type=FOLDER)
@click.option("--out", type=OUT_FILE, required=True, help="File for the price in integers.")
@json_option
def export_(folder: Path, out: Path, as_json: bool) -> None:
    """Write the price of sets in FOLDER as integers (docs/price-format.md); of the method ridge alone.

    \b
    Example:
      assay-oracle export price --out form.json
    """
    from assay.protocol.function.canonical import canonical_json
    from assay_oracle.owner.summary import form_text
    from assay_pricing.sums.form import form_of

    form = form_of(_loaded(folder).method)
    out.write_bytes(canonical_json(form.model_dump(mode="json")))
    summary = {
        "out": str(out),
        "features": form.terms.features.width,
        "price_bits": form.terms.price_bits,
        "rank_agreement": form.rank_agreement / 10**6,
        "exact_agreement": form.exact_agreement / 10**6,
    }
    emit(summary, form_text(form, out), as_json)


@click.command("inspect")
@click.argument("folder", type=FOLDER)
@token_option
@json_option
def inspect_(folder: Path, token: "Token", as_json: bool) -> None:
    """Show a price function, and what it discloses of the owner's model and data.

    \b
    Example:
      assay-oracle inspect price
    """
    from assay_oracle.owner.summary import function_text

    function = _loaded(folder)
    emit(function.manifest, function_text(function, token), as_json)


def _loaded(folder: Path) -> "PriceFunction":
    from assay_pricing.function import PriceFunction

    function = PriceFunction.load(folder)
    unlike = function.manifest.unlike_libraries()
    if unlike is not None:
        report(f"warning: {unlike}")
    return function


def _check_decay(decay: float | None) -> None:
    from assay.errors import UsageError

    if decay is not None and math.isnan(decay):  # click's range lets NaN pass
        raise UsageError("expected a number for --decay, got NaN")


def _check_terms(terms: Mapping[str, Any]) -> None:
    from pydantic import ValidationError

    from assay.errors import UsageError, listed_faults
    from assay_pricing.price import PricingRule

    try:
        PricingRule(**terms)
    except ValidationError as error:
        raise UsageError(listed_faults(error.errors(), mark="--")) from None


def _table(path: Path) -> "RawTable":
    from assay_pricing.errors import DataError
    from assay_pricing.records.tables import read_table

    try:
        return read_table(path)
    except DataError as error:
        raise DataError(f"{path}: {error.message}", hint=error.hint) from None


def _records(path: Path, function: Any) -> "tuple[Records, tuple[str, ...]]":
    """The records of a file, and the columns of it that the model does not have."""
    from assay_pricing.records.bounds import MAX_RECORDS
    from assay_pricing.records.tables import read_table, to_records

    table = read_table(path, max_records=MAX_RECORDS, schema=function.file_schema)
    return to_records(table, function.file_schema, function.encoders, take=True), table.ignored
