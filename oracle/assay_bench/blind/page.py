"""The measured parts of ``docs/blind.md``."""

import math
from collections.abc import Iterator
from pathlib import Path

from assay.files import write_whole
from assay_bench.blind.leaks import FIDELITIES, Leaks
from assay_bench.blind.run import BlindReport, RankFigures
from assay_bench.pricing.reporting.markdown import number, paragraph, table

_QUOTES = 8
"""Blind quotes of one seller for one model, by default."""
_NAMES = {
    "mislabelled": "fresh records with wrong labels",
    "noise": "noise",
    "near": "near copies of the owner's records",
}


def write_parts(report: BlindReport, page: Path) -> None:
    """Writes the parts between ``<!-- measured: NAME -->`` and ``<!-- end -->``.

    Raises:
        ValueError: The page has no place for one of them.
    """
    parts = {"sizes": _sizes(report), "peers": _peers(report)}
    if report.ridge is not None and report.blind is not None:
        parts["ranks"] = _ranks(report.ridge, report.blind)
    if report.leaks is not None:
        parts |= {
            "copies": _copies(report.leaks),
            "reading": _reading(report.leaks),
            "times": _times(report.leaks),
            "junk": _junk(report.leaks),
        }
    text = page.read_text()
    for name, lines in parts.items():
        before, start, rest = text.partition(f"<!-- measured: {name} -->\n")
        _, end, after = rest.partition("<!-- end -->")
        if not end:
            raise ValueError(f"expected a part {name!r} in {page}, found none")
        text = before + start + "\n".join(lines) + "\n" + end + after
    write_whole(page, text.encode(), mode=0o644)


def _sizes(report: BlindReport) -> Iterator[str]:
    up, down = (f"{size / 1e6:.2f} MB" for size in (report.bytes_up, report.bytes_down))
    return table(
        ("records", "sums", "statistics", "all rounds", "up", "down", "equal to the price in the clear"),
        (
            (
                f"{int(n):,}",
                f"{one.sums:.2f} s",
                f"{one.statistics:.2f} s",
                f"{one.blind:.2f} s",
                up,
                down,
                _yes(one.equal),
            )
            for n, one in report.seconds.items()
        ),
    )


def _peers(report: BlindReport) -> Iterator[str]:
    return table(
        ("peer", "time of a record", "bytes of a record", "rank agreement with the clear"),
        (
            (
                name,
                f"{peer.seconds_a_record * 1e3:.2f} ms",
                f"{peer.bytes_a_record / 1e3:.1f} kB",
                number(peer.agreement),
            )
            for name, peer in report.peers.items()
        ),
    )


def _yes(is_so: bool) -> str:
    return "yes" if is_so else "no"


def _ranks(ridge: RankFigures, blind: RankFigures) -> Iterator[str]:
    rows = []
    for name, one in (("exact ridge", ridge), ("blind", blind)):
        spread = (
            f"{number(mean)} ({', '.join(number(value) for value in one.by_seed[setting].values())})"
            for setting, mean in (("shift", one.rho_shift), ("iid", one.rho_iid))
        )
        rows.append((name, *spread, number(one.agreement)))
    seeds = ", ".join(map(str, ridge.by_seed["shift"]))
    return table((f"price, seeds {seeds}", "`shift`", "`iid`", "agreement"), rows)


def _copies(leaks: Leaks) -> Iterator[str]:
    def cost(queries: int | None) -> str:
        return "never" if queries is None else f"{queries:,} ({math.ceil(queries / _QUOTES):,})"

    yield from table(
        ("grid, of the price of her own data", *(f"fidelity {f}" for f in FIDELITIES), "best", "labels read rightly"),
        (
            (
                "millionths of a gain"
                if one.grid <= 1e-6
                else f"{one.grid / one.start:.0%}"
                if one.start
                else "above it",
                *(cost(one.queries[str(f)]) for f in FIDELITIES),
                number(one.best),
                f"{one.right:.0%}",
            )
            for one in leaks.probed
        ),
    )
    yield ""
    yield from paragraph(
        f"Her {leaks.own} records alone give a copy of fidelity {number(leaks.alone)}; the surrogate itself has",
        f"{number(leaks.surrogate)}. The last sums of each kind had the same price by all rounds on ciphertexts:",
        f"{_yes(leaks.as_encrypted)}.",
    )


def _reading(leaks: Leaks) -> Iterator[str]:
    return table(
        ("damping", "records", "largest leverage", "label of one record read", "member told from another record (AUC)"),
        (
            (f"{one.damping:g}", str(one.records), number(one.leverage), f"{one.label:.0%}", number(one.member))
            for one in leaks.read
        ),
    )


def _times(leaks: Leaks) -> Iterator[str]:
    compared = (("rows in another order", leaks.values), ("half of the rows are zero", leaks.zeros))
    return table(
        ("integers compared with the owner's", "median of hers", "of the others", "Welch's t"),
        ((name, f"{one.one * 1e3:.1f} ms", f"{one.other * 1e3:.1f} ms", f"{one.t:.1f}") for name, one in compared),
    )


def _junk(leaks: Leaks) -> Iterator[str]:
    yield from table(
        ("sets of", "records", "paid at all", "mean", "best of 200", "best without the cut"),
        (
            (
                _NAMES[one.kind],
                str(one.records),
                f"{one.paid:.1%}",
                number(one.mean),
                number(one.best),
                number(one.uncut),
            )
            for one in leaks.junk
        ),
    )
    yield ""
    cuts = ", ".join(f"{number(gain)} at {records}" for records, gain in leaks.cuts.items())
    yield from paragraph(f"The cut of this model by the number of records: {cuts}.")
