"""An appraisal as one HTML page with embedded plots, without external references and without scripts.

Names of columns and classes come from sellers' files: they are escaped in the page and drawn as plain text in plots.
The page is for the owner: its figures disclose more of the model than a price on a grid does. Records are shown with
their own columns, which is the data itself; a page without them may be sent with the purchase.
"""

import base64
import io
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np

from assay.amounts import ETHER, Token, amount_text, short_amount
from assay.protocol.schema import Feature
from assay_pricing.appraisal import Appraisal, Verdict
from assay_pricing.function import PriceFunction
from assay_pricing.records.records import Records

_COLOURS = {
    Verdict.USEFUL: "#4477aa",
    Verdict.HARMFUL: "#ddaa77",
    Verdict.REPEATED: "#bbbbbb",
    Verdict.OWNED: "#ccbb44",
    Verdict.PRICED: "#aa3377",
    Verdict.EXCLUDED: "#ee6677",
}
_WORDS = {Verdict.HARMFUL: "uncertain"}
"""Words for verdicts on the page: a record of this verdict is not sure to help by itself, and need not do harm."""
_MAX_GROUPS = 20
_SHOWN = 10
"""Records listed from each end of the order by value."""
_MAX_NAME = 40
"""Characters of a name in a plot."""
_MAX_COLUMNS = 8
"""Columns of a record that are shown."""

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Appraisal</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; color: #222; max-width: 56rem; margin: 2rem auto; padding: 0 1rem; }}
table {{ border-collapse: collapse; width: 100%; margin: 1rem 0; }}
th, td {{ text-align: left; padding: .3rem .6rem; border-bottom: 1px solid #ddd; }}
td {{ overflow-wrap: anywhere; }}
th {{ font-weight: 600; }}
div.wide {{ overflow-x: auto; }}
p.price {{ font-size: 1.6rem; margin: .5rem 0; }}
td.number {{ text-align: right; font-variant-numeric: tabular-nums; }}
img {{ max-width: 100%; }}
code {{ font-size: .85em; }}
</style>
</head>
<body>
{body}
</body>
</html>
"""


@dataclass(frozen=True)
class Heading:
    """What the page says of the offer beyond its appraisal.

    Attributes:
        file: Name of the offer's file.
        day: When it was appraised, for readers.
        token: In whose unit the price is shown.
        with_records: Show records with their own columns: the seller's data.
    """

    file: str = ""
    day: str = ""
    token: Token = ETHER
    with_records: bool = True


def render(function: PriceFunction, records: Records, appraisal: Appraisal, heading: Heading = Heading()) -> str:
    """The page about the appraisal of ``records`` by ``function``."""
    return _PAGE.format(body="\n".join(_body(function, records, appraisal, heading)))


def _body(function: PriceFunction, records: Records, appraisal: Appraisal, heading: Heading) -> Iterator[str]:
    low, high = appraisal.interval
    manifest = function.manifest
    goal = appraisal.metric + (f", worst group by {manifest.worst_group}" if manifest.worst_group else "")
    yield "<h1>Appraisal</h1>"
    named = " ".join(filter(None, (f"of <code>{escape(heading.file)}</code>" if heading.file else "", heading.day)))
    yield f"<p>{named}</p>" if named else ""
    yield f'<p class="price">{escape(amount_text(appraisal.price, heading.token))}</p>'
    yield f"<p>{escape(_why(function, appraisal, heading.token))}</p>"
    yield _table(
        (),
        [
            ("Paid gain", f"{appraisal.predicted_gain:.6f} ({goal})"),
            ("90 % interval", f"{low:.6f} to {high:.6f}"),
            ("Set value", f"{appraisal.set_value:.6f}"),
            ("Risk before", f"{manifest.risk:.6f}"),
            ("Records", f"{appraisal.priced} of {appraisal.records} priced"),
            ("Fidelity", f"{appraisal.fidelity:.1%} agreement of the surrogate with the model on held-out records"),
            *_tested(function),
            ("Method", manifest.method),
            ("Data", f"0x{appraisal.data_hash.hex()}"),
            ("Price function", f"0x{appraisal.function_hash.hex()}"),
        ],
    )
    yield "<h2>Reasons</h2>"
    yield "<ul>" + "".join(f"<li>{escape(reason)}</li>" for reason in appraisal.reasons) + "</ul>"
    yield "<h2>Verdicts</h2>"
    counts = Counter(appraisal.verdicts)
    yield _table(("Verdict", "Records", "A record that"), [(_word(v), counts[v], v.meaning) for v in Verdict])
    yield _image(_verdict_bars(counts), "number of records by verdict")
    if appraisal.left_out:
        yield "<h3>Records to leave out</h3>"
        yield (
            f"<p>The price and its gain are those of the set without {counts[Verdict.EXCLUDED]} records. Leave them "
            f"out of the training: with them the gain is not predicted. Their rows, from 0: {appraisal.left_out}.</p>"
        )
    yield "<h2>Value by record</h2>"
    yield (
        f"<p>Predicted drop of the {escape(goal)} risk by each record alone, in the unit of the gain, highest first. "
        "It is a cautious estimate, and the values do not add up to that of the set.</p>"
    )
    yield _image(_sorted_points(appraisal), "value of each record, highest first, coloured by verdict")
    kept = [i for i, verdict in enumerate(appraisal.verdicts) if not verdict.is_duplicate]
    order = sorted(kept, key=lambda i: -appraisal.record_values[i])
    chosen = order if len(order) <= 2 * _SHOWN else order[:_SHOWN] + order[-_SHOWN:]
    labels = _labels(records)
    columns = records.schema.features[:_MAX_COLUMNS] if heading.with_records else ()
    header = ("Record", records.schema.label, "Value", "Verdict", *(column.name for column in columns))
    rows = [
        (i, labels[i], f"{appraisal.record_values[i]:+.6f}", _word(appraisal.verdicts[i]), *_cells(records, i, columns))
        for i in chosen
    ]
    yield _table(header, rows)
    kind = "class" if records.schema.classes else "target"
    groups = _groups(records, labels)
    yield f"<h2>Value by {kind}</h2>"
    live = set(kept)
    priced = [[float(appraisal.record_values[i]) for i in rows if i in live] for _, rows in groups]
    yield _image(_group_bars(groups, priced), f"mean value and number of records by {kind}")
    yield _table(
        (kind.capitalize(), "Records", "Priced", "Mean value"),
        [
            (name, len(rows), len(points), f"{np.mean(points):+.6f}" if points else "-")
            for (name, rows), points in zip(groups, priced, strict=True)
        ],
    )


def _tested(function: PriceFunction) -> Iterator[tuple[str, str]]:
    """The function's backtest, as rows."""
    found = function.manifest.backtest
    if found is None:
        return
    if found.truth == "itself":
        yield "Test of prices", "none: no other learner is as near to the model, and no training was given"
        return
    yield (
        "Test of prices",
        (
            f"rank agreement {found.rank_agreement:.2f} ± {found.rank_error:.2f} and slope {found.slope:.2f} ± "
            f"{found.slope_error:.2f} on {found.episodes} held-out parts of the owner's records"
        ),
    )
    yield "Expected error", f"{found.expected_error:.6f} of a gain"


def _why(function: PriceFunction, appraisal: Appraisal, token: Token) -> str:
    """How the price follows from the gain, and why a set may be worth more than its records one by one."""
    rule = function.manifest.rule
    unit = "unit of paid gain" if rule.kind == "graded" else "useful record"
    bounds = f"at most {short_amount(rule.cap, token)} an offer" if rule.cap < 2**96 - 1 else "without a cap"
    text = f"The owner pays {short_amount(rule.rate, token)} per {unit}, {bounds}. "
    uncertain = appraisal.verdicts.count(Verdict.HARMFUL)
    if appraisal.price and 2 * uncertain > appraisal.priced:
        text += (
            f"{uncertain} of {appraisal.priced} records are uncertain: one of them alone moves the model too little "
            "to tell. The price is that of the set, in which the model learns what they have in common. "
        )
    return text + "The set is priced as a whole, never as the sum of its records."


def _word(verdict: Verdict) -> str:
    return _WORDS.get(verdict, str(verdict))


def _cells(records: Records, row: int, columns: Sequence[Feature]) -> Iterator[str]:
    """The record's own columns."""
    for j, feature in enumerate(columns):
        value = float(records.x[row, j])
        if feature.kind == "categorical":
            known = (*feature.categories, *records.unseen.get(j, ()))
            yield known[int(value)]
        else:
            yield "" if np.isnan(value) else f"{value:g}"


def _table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    head = "".join(f"<th>{escape(cell)}</th>" for cell in header)
    lines = [f"<tr>{head}</tr>"] if header else []
    for row in rows:
        first, *rest = row
        cells = [f"<td>{escape(str(first))}</td>" if header else f"<th>{escape(str(first))}</th>"]
        cells += [
            f'<td class="number">{cell}</td>' if isinstance(cell, int) else f"<td>{escape(str(cell))}</td>"
            for cell in rest
        ]
        lines.append(f"<tr>{''.join(cells)}</tr>")
    return f'<div class="wide"><table>{"".join(lines)}</table></div>'


def _labels(records: Records) -> list[str]:
    if records.schema.classes:
        return [records.schema.classes[int(code)] for code in records.y]
    return [f"{value:g}" for value in records.y]


def _groups(records: Records, labels: list[str]) -> list[tuple[str, list[int]]]:
    """Rows by class, the most frequent classes first and the rest as one group; or by quarter of the sorted targets."""
    if records.schema.classes:
        rows: dict[str, list[int]] = {}
        for i, label in enumerate(labels):
            rows.setdefault(label, []).append(i)
        found = sorted(rows.items(), key=lambda item: -len(item[1]))
        rest = [i for _, members in found[_MAX_GROUPS:] for i in members]
        return found[:_MAX_GROUPS] + ([(f"{len(found) - _MAX_GROUPS} more", rest)] if rest else [])
    order = np.argsort(records.y, kind="stable")
    quarters = [part.tolist() for part in np.array_split(order, 4) if len(part)]
    return [(f"{records.y[part[0]]:g} to {records.y[part[-1]]:g}", part) for part in quarters]


def _sorted_points(appraisal: Appraisal) -> Any:
    figure, axis = _figure(3.2)
    order = np.argsort(-appraisal.record_values, kind="stable")
    verdicts = np.array([str(verdict) for verdict in appraisal.verdicts])[order]
    for verdict, colour in _COLOURS.items():
        places = np.flatnonzero(verdicts == verdict)
        if len(places):
            values = appraisal.record_values[order][places]
            axis.scatter(places, values, s=12, color=colour, label=_word(Verdict(verdict)))
    sizes = np.abs(appraisal.record_values[appraisal.record_values != 0])
    if len(sizes):  # few values are far larger than the rest: linear up to the median, logarithmic beyond
        axis.set_yscale("symlog", linthresh=float(np.median(sizes)))
    axis.axhline(0, color="#222222", linewidth=0.8)
    axis.set_xlabel("record, by value")
    axis.set_ylabel("value")
    axis.legend(frameon=False)
    return figure


def _verdict_bars(counts: Counter[Verdict]) -> Any:
    figure, axis = _figure(2.2)
    bars = axis.barh([_word(v) for v in Verdict], [counts[v] for v in Verdict], color=list(_COLOURS.values()))
    axis.bar_label(bars, padding=3)
    axis.invert_yaxis()
    axis.set_xlabel("records")
    return figure


def _group_bars(groups: list[tuple[str, list[int]]], priced: list[list[float]]) -> Any:
    figure, axis = _figure(0.35 * len(groups) + 1.4)
    means = [float(np.mean(points)) if points else 0.0 for points in priced]
    colours = [_COLOURS[Verdict.USEFUL if mean > 0 else Verdict.HARMFUL] for mean in means]
    axis.barh(range(len(groups)), means, color=colours)
    axis.axvline(0, color="#222222", linewidth=0.8)
    shown = [f"{_plain(name)} ({len(rows)})" for name, rows in groups]
    axis.set_yticks(range(len(groups)), shown, parse_math=False)
    axis.invert_yaxis()
    axis.set_xlabel("mean value of the priced records")
    return figure


def _figure(height: float) -> Any:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, height), layout="constrained")
    axis = figure.subplots()
    axis.spines[["top", "right"]].set_visible(False)
    return figure, axis


def _plain(name: str) -> str:
    """A name on one line, shortened to leave room for bars."""
    line = "".join(char if char.isprintable() else "\ufffd" for char in name)
    return line if len(line) <= _MAX_NAME else line[: _MAX_NAME - 1] + "\u2026"


def _image(figure: Any, description: str) -> str:
    content = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
        figure.savefig(content, format="png", dpi=110, metadata={"Software": None})
    encoded = base64.b64encode(content.getvalue()).decode()
    return f'<p><img alt="{escape(description)}" src="data:image/png;base64,{encoded}"></p>'
