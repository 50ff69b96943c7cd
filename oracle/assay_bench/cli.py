"""The pricing benchmark's command."""

import json
from pathlib import Path

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from assay.cli.terminal import emit, json_option, talk
from assay_pricing.errors import DataError

PUBLISHED_SEEDS = (201, 202, 203, 204, 205)
QUICK_SEEDS = (101, 102)


@click.command()
@click.option("--quick", is_flag=True, help="Digits alone, two seeds, the default and the label-only method.")
@click.option("--only", multiple=True, metavar="NAME", help="Only this data set or case; repeatable.")
@click.option(
    "--seed", "seeds", type=click.IntRange(0), multiple=True, help="Instead of the published ones; repeatable."
)
@click.option("--workers", type=click.IntRange(1), default=2, show_default=True, help="Processes of one thread each.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), default="out/pricing.json", show_default=True)
@click.option("--kept", type=click.Path(path_type=Path, file_okay=False), default="out/bench", show_default=True)
@click.option("--cache", type=click.Path(path_type=Path, file_okay=False), help="Packages; ~/.cache/assay-bench.")
@click.option("--page", type=click.Path(path_type=Path, dir_okay=False), help="Write the report here, with plots.")
@json_option
def bench(
    *,
    quick: bool,
    only: tuple[str, ...],
    seeds: tuple[int, ...],
    workers: int,
    out: Path,
    kept: Path,
    cache: Path | None,
    page: Path | None,
    as_json: bool,
) -> None:
    """Measure every pricing method against retraining, on tables and on real cases.

    Results are kept as they come: a run that was cut goes on where it stopped. Real cases need packages, which are
    fetched by name, version and hash on first use.

    \b
    Example:
      assay-oracle bench --quick
      assay-oracle bench --only news --only census
    """
    from assay_bench.packages import DEFAULT_CACHE
    from assay_bench.pricing.reporting.plots import draw
    from assay_bench.pricing.reporting.report import table, write_page
    from assay_bench.pricing.reporting.summary import Results, everything
    from assay_bench.pricing.run import Kept, run
    from assay_bench.pricing.units import Unit, plan

    chosen = seeds or (QUICK_SEEDS if quick else PUBLISHED_SEEDS)
    units = plan(chosen, only, quick=quick)
    if not units:
        names = sorted({unit.data for unit in plan(chosen)})
        raise DataError(f"expected --only among {', '.join(names)}, got {', '.join(only)}")
    results = Kept(kept)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=talk, transient=True) as bar:
        task = bar.add_task("pricing benchmark", total=len(units))

        def done(unit: Unit) -> None:
            bar.update(task, advance=1, description=f"{unit.part} {unit.data} {unit.setting} {unit.name}".strip())

        for unit, reason in run(units, results, cache or DEFAULT_CACHE, workers, done):
            talk.print(f"not computed: {unit.part} {unit.data} {unit.name} seed {unit.seed}: {reason}")
    told = {"seeds": list(chosen), "quick": quick} | everything(Results(units, results))
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(told, indent=1) + "\n")
    draw(told, out.with_suffix(""))
    if page is not None:
        write_page(told, page)
    emit(told["summary"], table(told), as_json)
