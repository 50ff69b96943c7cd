"""The command behind ``make bench-blind``."""

import sys
from pathlib import Path

import click

from assay.cli.group import Group
from assay.cli.terminal import emit, json_option, report
from assay_bench.blind.page import write_parts
from assay_bench.blind.proof import measured
from assay_bench.blind.run import SEEDS, SIZES, BlindReport, run
from assay_bench.output import out_option, write_figures
from assay_bench.packages import DEFAULT_CACHE


@click.command()
@click.option("--records", type=click.IntRange(1), multiple=True, help="Size of a set; by default 100 and 1,000,000.")
@click.option(
    "--seed", "seeds", type=click.IntRange(0), multiple=True, help="Of the draws for ranks, in place of the published."
)
@click.option("--sizes-only", is_flag=True, help="Leave ranks and attacks out, which take most of the time.")
@out_option("out/blind.json", "Write the figures to this file.")
@click.option("--page", type=click.Path(path_type=Path, dir_okay=False), help="Write the tables into this page.")
@json_option
def bench_blind(
    *,
    records: tuple[int, ...],
    seeds: tuple[int, ...],
    sizes_only: bool,
    out: Path,
    page: Path | None,
    as_json: bool,
) -> None:
    """Measure blind quotes by the number of records, how their prices rank sets, what they tell, and proven prices.

    \b
    Example:
      python -m assay_bench.blind --records 1000 --sizes-only
      python -m assay_bench.blind --page docs/blind.md
    """
    result = run(records or SIZES, () if sizes_only else seeds or SEEDS, DEFAULT_CACHE, report)
    report("proven prices")
    proofs = {"proof": measured(result.features, result.outputs), "proof_256": measured(256, result.outputs)}
    result = result.model_copy(update=proofs)
    write_figures(out, result.model_dump_json(indent=1))
    if page is not None:
        write_parts(result, page)
    emit(result, table(result), as_json)


def table(result: BlindReport) -> str:
    """The figures for people."""
    moduli = " and ".join(map(str, result.moduli))
    lines = [
        f"{result.features} features, {result.outputs} classes, {result.processors} processors",
        f"price of {result.price_bits} bits, plaintext moduli of {moduli} bits",
        f"{result.bytes_up / 1e6:.2f} MB up, {result.bytes_down / 1e6:.2f} MB down",
        f"{'records':>12}{'sums s':>10}{'statistics s':>14}{'blind s':>10}{'equal':>8}",
    ]
    for n, size in result.seconds.items():
        lines.append(f"{n:>12}{size.sums:10.2f}{size.statistics:14.2f}{size.blind:10.2f}{size.equal!s:>8}")
    for name, ranks in (("exact ridge", result.ridge), ("blind", result.blind)):
        if ranks is not None:
            shift, iid = ranks.rho_shift, ranks.rho_iid
            lines.append(f"{name}: rho_V {shift:.3f} (shift), {iid:.3f} (iid); agreement {ranks.agreement:.3f}")
    for name, peer in result.peers.items():
        lines.append(
            f"{name}: {peer.seconds_a_record * 1e3:.3f} ms and {peer.bytes_a_record / 1e3:.1f} kB a record, "
            f"rank agreement with the clear {peer.agreement:.4f}"
        )
    lines.extend(
        f"proof, {proof.features} features: {proof.constraints} constraints, {proof.seconds:.2f} s "
        f"({proof.processor_seconds:.2f} s of processors), {proof.bytes} bytes, {proof.gas} gas, "
        f"verifier of {proof.verifier_bytes} bytes, verified in {proof.verify_seconds:.2f} s"
        for proof in filter(None, (result.proof, result.proof_256))
    )
    return "\n".join(lines)


if __name__ == "__main__":
    Group(commands=[bench_blind], name="python -m assay_bench.blind").main(["bench-blind", *sys.argv[1:]])
