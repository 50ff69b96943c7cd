"""The command ``assay-oracle bench``, which the entry point ``assay_oracle.commands`` registers."""

import json
import time
from pathlib import Path

import click

from assay.cli.terminal import console, emit, json_option
from assay.errors import UsageError
from assay_bench.errors import LibraryMissing
from assay_bench.output import folder_option, minutes_option, out_option, workers_option, write_figures

PUBLISHED_SEEDS = (651, 652, 653, 654, 655)
QUICK_SEEDS = (101, 102)


@click.command()
@click.option("--quick", is_flag=True, help="Digits alone, two seeds, the default method, also with labels alone.")
@click.option("--only", multiple=True, metavar="NAME", help="Compute only this data set or case; repeatable.")
@click.option(
    "--seed", "seeds", type=click.IntRange(0), multiple=True, help="In place of the published seeds; repeatable."
)
@minutes_option
@workers_option
@out_option("out/pricing.json", "Write the figures to this file, and plots to a folder of the same name.")
@folder_option("--kept", "out/bench", "Folder of stored results.")
@click.option(
    "--cache",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of downloaded packages.  [default: ~/.cache/assay-bench]",
)
@click.option(
    "--page",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the report to this Markdown file, and plots.",
)
@json_option
def bench(
    *,
    quick: bool,
    only: tuple[str, ...],
    seeds: tuple[int, ...],
    minutes: float,
    workers: int,
    out: Path,
    kept: Path,
    cache: Path | None,
    page: Path | None,
    as_json: bool,
) -> None:
    """Compare every pricing method with retraining, on data sets and on real cases.

    Each result is stored when it is computed, so that an interrupted run can be resumed. The report has every stored
    result of the seeds, also those of earlier runs, and names what is missing. Real cases need packages, which are
    downloaded on first use and checked against pinned hashes.

    \b
    Example:
      assay-oracle bench --quick
      assay-oracle bench --only news --only census
      assay-oracle bench --minutes 35 --page docs/benchmark.md
    """
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    try:
        from assay_bench.packages import DEFAULT_CACHE
        from assay_bench.pricing.cache import ResultCache
        from assay_bench.pricing.plan import plan
        from assay_bench.pricing.reporting import plots
        from assay_bench.pricing.reporting.page import write_page
        from assay_bench.pricing.reporting.report import read_report
        from assay_bench.pricing.reporting.text import summary_text
        from assay_bench.pricing.run import run
        from assay_bench.pricing.units import Unit
    except ModuleNotFoundError as error:
        library = (error.name or "a library").partition(".")[0]
        raise LibraryMissing(
            f"the benchmark needs {library}, which is not installed", hint="pip install 'assay[bench]'"
        ) from error

    chosen = seeds or (QUICK_SEEDS if quick else PUBLISHED_SEEDS)
    units = plan(chosen, only, quick=quick)
    if not units:
        names = sorted({unit.data for unit in plan(chosen)})
        raise UsageError(f"expected --only among {', '.join(names)}, got {', '.join(only)}")
    results = ResultCache(kept)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console(), transient=True) as bar:
        task = bar.add_task("pricing benchmark", total=len(units))

        def advance(unit: Unit) -> None:
            bar.update(task, advance=1, description=f"{unit.part} {unit.data} {unit.setting} {unit.name}".strip())

        until = time.monotonic() + 60 * minutes
        for failure in run(units, results, cache or DEFAULT_CACHE, workers, advance, until):
            console().print(f"not computed: {failure.unit.file.removesuffix('.json')}: {failure.reason}", markup=False)
    report = read_report(plan(chosen, quick=quick), results, chosen, quick=quick)
    write_figures(out, json.dumps(report.model_dump(by_alias=True), indent=1))
    plots.draw(report, out.with_suffix(""))
    if page is not None:
        write_page(report, page)
    emit(report.summary, summary_text(report), as_json)
