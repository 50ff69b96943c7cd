"""The command ``assay-oracle compare``."""

import time
from pathlib import Path

import click

from assay.cli.terminal import console, emit, json_option
from assay_bench.output import folder_option, minutes_option, out_option, workers_option, write_figures

SIZE_NAMES = ("small", "medium", "large")


@click.command()
@click.option("--approach", "names", multiple=True, metavar="NAME", help="Run only this approach; repeatable.")
@click.option("--size", "sizes", multiple=True, type=click.Choice(SIZE_NAMES), help="Run only this size; repeatable.")
@click.option("--seed", "seeds", type=click.IntRange(0), multiple=True, help="In place of 701 to 705; repeatable.")
@minutes_option
@workers_option
@out_option("out/compare.json", "Write the figures to this file.")
@folder_option("--kept", "out/compare", "Folder of stored results.")
@click.option(
    "--page", type=click.Path(path_type=Path, dir_okay=False), help="Write the report to this Markdown file, and plots."
)
@json_option
def compare(
    *,
    names: tuple[str, ...],
    sizes: tuple[str, ...],
    seeds: tuple[int, ...],
    minutes: float,
    workers: int,
    out: Path,
    kept: Path,
    page: Path | None,
    as_json: bool,
) -> None:
    """Run the paper's approaches to a trade of data on the same trade, and print what each of them leaks and costs.

    Each result is stored when it is computed, so that an interrupted run can be resumed. The report has every stored
    result, also those of earlier runs, and names what is missing. A row that fails is in the report with the reason;
    the command then ends with 1.

    \b
    Example:
      assay-oracle compare --approach data-first --size small
      assay-oracle compare --page docs/comparison.md
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from assay_bench.comparison.approaches import MODULES, find
    from assay_bench.comparison.reporting.page import write_pages
    from assay_bench.comparison.reporting.report import read_report
    from assay_bench.comparison.reporting.text import report_text
    from assay_bench.comparison.run import NO_TIME, run
    from assay_bench.comparison.store import Store, Unit
    from assay_bench.comparison.trade import SEEDS

    approaches = [find(name) for name in names or MODULES]
    chosen_sizes, chosen_seeds = sizes or SIZE_NAMES, seeds or SEEDS
    units = [Unit(one.name, size, seed) for one in approaches for size in chosen_sizes for seed in chosen_seeds]
    store = Store(kept)
    failures = {}
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console(), transient=True) as bar:
        task = bar.add_task("comparison", total=len(units))

        def advance(unit: Unit) -> None:
            bar.update(task, advance=1, description=f"{unit.approach} {unit.size} {unit.seed}")

        for failure in run(units, store, workers, advance, time.monotonic() + 60 * minutes):
            console().print(f"not computed: {failure.unit.file.removesuffix('.json')}: {failure.reason}", markup=False)
            if failure.reason != NO_TIME:
                failures[failure.unit] = failure.reason
    report = read_report(approaches, chosen_sizes, chosen_seeds, store, failures)
    write_figures(out, report.model_dump_json(indent=1))
    if page is not None:
        write_pages(report, page)
    emit(report, report_text(report), as_json)
    if failures:
        click.get_current_context().exit(1)
