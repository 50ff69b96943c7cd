"""The command behind ``make bench-scale``."""

import sys
from pathlib import Path

import click

from assay.cli.group import Group
from assay.cli.terminal import emit, json_option, report
from assay_bench.output import folder_option, out_option, write_figures
from assay_bench.scaling.plot import draw
from assay_bench.scaling.run import ScalingReport, run

SIZES = (1000, 10_000, 100_000, 1_000_000)


@click.command()
@click.option(
    "--size",
    "sizes",
    type=click.IntRange(1),
    multiple=True,
    default=SIZES,
    show_default=True,
    help="Records of an offer; repeatable.",
)
@click.option(
    "--dask",
    type=click.IntRange(1),
    default=1_000_000,
    show_default=True,
    help="Records that one and two Dask workers price.",
)
@click.option("--without-dask", is_flag=True, help="Measure no Dask workers.")
@click.option("--without-peers", is_flag=True, help="Measure no other libraries.")
@folder_option(
    "--folder",
    "out/bench-scale",
    "Folder for the price function and the offers, deleted at the end.",
)
@out_option("out/scale.json", "Write the figures to this file, and a plot beside it.")
@json_option
def bench_scale(
    sizes: tuple[int, ...],
    dask: int,
    without_dask: bool,
    without_peers: bool,
    folder: Path,
    out: Path,
    as_json: bool,
) -> None:
    """Measure appraisals of offers of growing size: 64 columns, ten classes, by the operator's command.

    An interrupted run goes on where it stopped, unless the sources have changed. On two idle processors it takes about
    a quarter of an hour, of which the other libraries take most.

    \b
    Example:
      python -m assay_bench.scaling --size 1000 --size 10000 --without-dask --without-peers
    """
    result = run(sizes, None if without_dask else dask, folder, report, peers=not without_peers)
    write_figures(out, result.model_dump_json(indent=1))
    draw(result, out.with_suffix(".png"))
    emit(result, table(result), as_json)


def table(result: ScalingReport) -> str:
    """The figures for people."""
    lines = [
        f"{result.processors} processors, load {result.load}",
        "",
        f"{'':12}{'records':>12}{'seconds':>10}{'processor':>11}{'peak MB':>9}",
    ]
    for name, points in (("appraise", result.points), *result.peers.items()):
        lines += [f"{name:12}{p.n:12,}{p.seconds:10,.1f}{p.processor_seconds:11,.1f}{p.peak_mb:9,.0f}" for p in points]
    if result.exponent is not None:
        lines.append(f"seconds grow with the power {result.exponent:.2f} of the records, from 10,000 on")
    if result.dask_speedup is not None:
        lines.append(f"two Dask workers are {result.dask_speedup:.2f} times as fast as one")
    return "\n".join(lines)


if __name__ == "__main__":
    Group(commands=[bench_scale], name="python -m assay_bench.scaling").main(["bench-scale", *sys.argv[1:]])
