"""The command behind ``make bench-seal``."""

import re
import sys
from pathlib import Path

import click

from assay.cli.group import Group
from assay.cli.terminal import emit, json_option, report
from assay.errors import UsageError
from assay_bench.output import folder_option, out_option, write_figures
from assay_bench.sealing.run import Figures, SealingReport, run

UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30}


@click.command()
@click.option("--size", default="4G", show_default=True, help="Size of the file: a number, or one with K, M or G.")
@folder_option(
    "--folder",
    "out/bench-seal",
    "Folder for files of three times the size. An interrupted run is resumed from it, a complete one deletes it.",
)
@out_option("out/seal.json", "Write the figures to this file.")
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True, help="Of one processor against two.")
@json_option
def bench_seal(size: str, folder: Path, out: Path, rounds: int, as_json: bool) -> None:
    """Measure sealing, opening and verifying against two SHA-256 passes and ChaCha20 by the same libraries.

    \b
    Example:
      python -m assay_bench.sealing --size 256M
    """
    result = run(_bytes(size), folder, rounds, report)
    write_figures(out, result.model_dump_json(indent=1))
    emit(result, table(result), as_json)


def _bytes(size: str) -> int:
    found = re.fullmatch(r"([1-9][0-9]*)([KMG]?)", size.upper())
    if found is None:
        raise UsageError(f"expected --size as a number, or one with K, M or G, got {size}")
    return int(found[1]) * UNITS[found[2]]


def table(result: SealingReport) -> str:
    """The figures for people."""
    where = f"{result.bytes / 2**20:,.0f} MiB on {result.processors} processors, load {result.load}"
    lines = [
        f"{where}; a plain copy to the disk: {result.disk_mb_per_s:,.0f} MB/s by the clock",
        f"hashing {'compiled' if result.accelerated else 'by hashlib: the compiled library is missing'}",
        "",
        " " * 18 + "MB/s of processor   bound   ratio  with disk  by clock  peak MB  1 to 2",
    ]
    for name in ("seal", "open", "verify"):
        one: Figures = getattr(result, name)
        scaling = "" if one.scaling is None else f"{one.scaling:.2f}"
        lines.append(
            f"{name:18}{one.mb_per_s:17,.0f}{one.bound_mb_per_s:8,.0f}{one.ratio:8.2f}{one.ratio_with_disk:11.2f}{one.clock_mb_per_s:10,.0f}"
            f"{one.peak_mb:9,.0f}{scaling:>8}"
        )
    for name, peer in result.peers.items():
        lines.append(f"{name:18}{peer.mb_per_s:17,.0f}{'':27}{peer.clock_mb_per_s:10,.0f}{peer.peak_mb:9,.0f}")
    lines += [f"{name:18}{'not installed':>17}" for name in result.missing]
    return "\n".join(lines)


if __name__ == "__main__":
    Group(commands=[bench_seal], name="python -m assay_bench.sealing").main(["bench-seal", *sys.argv[1:]])
