"""The page of an appraisal: it holds the figures, refers to nothing outside, and shows hostile names as text."""

import base64
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from assay.amounts import amount_text
from assay.protocol.schema import Feature, Schema
from assay_oracle.owner.report import Heading, render
from assay_oracle.owner.summary import appraisal_text, backtest_lines, function_text
from assay_pricing.appraisal import Appraisal, Verdict
from assay_pricing.fitting import fit
from assay_pricing.manifest import Backtest
from assay_pricing.records.records import Records
from tests.pricing.machines import hours

pytestmark = pytest.mark.unit
_VOID = {"meta", "img"}
WORDS = {Verdict.USEFUL: "useful", Verdict.HARMFUL: "uncertain"}


class Reader(HTMLParser):
    """What a browser would see: tags, attributes, and text without style."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.text += data


@pytest.fixture(scope="module")
def mixed(olga) -> Records:
    few = olga.offers["few"]
    return few.join(few).join(olga.offers["owner's copy"]).join(olga.offers["mislabelled"])


@pytest.fixture(scope="module")
def appraised(function, mixed) -> Appraisal:
    return function.appraise(mixed)


@pytest.fixture(scope="module")
def read(function, mixed, appraised) -> Reader:
    return Reader(render(function, mixed, appraised))


def test_the_figures_are_on_the_render(read: Reader, appraised: Appraisal) -> None:
    low, high = appraised.interval
    for figure in (
        amount_text(appraised.price),
        f"{appraised.predicted_gain:.6f} (log_loss)",
        f"{low:.6f} to {high:.6f}",
        f"{appraised.set_value:.6f}",
        f"{appraised.fidelity:.1%}",
        f"{appraised.priced} of {appraised.records} priced",
        f"0x{appraised.data_hash.hex()}",
        f"0x{appraised.function_hash.hex()}",
        *appraised.reasons,
    ):
        assert figure in read.text


def test_what_was_taken_out_is_counted_with_the_reason(read: Reader, appraised: Appraisal) -> None:
    assert f"repeated{appraised.verdicts.count(Verdict.REPEATED)}repeats an earlier record" in read.text
    assert f"owned{appraised.verdicts.count(Verdict.OWNED)}is among the model owner's records" in read.text
    assert appraised.verdicts.count(Verdict.REPEATED) == 30
    assert appraised.verdicts.count(Verdict.OWNED) == 120


def test_the_best_and_the_worst_record_are_named(read: Reader, appraised: Appraisal) -> None:
    kept = [i for i, v in enumerate(appraised.verdicts) if v in (Verdict.USEFUL, Verdict.HARMFUL)]
    for i in (max(kept, key=lambda i: appraised.record_values[i]), min(kept, key=lambda i: appraised.record_values[i])):
        assert f"{appraised.record_values[i]:+.6f}{WORDS[appraised.verdicts[i]]}" in read.text


def test_the_page_refers_to_nothing_outside_and_runs_nothing(function, mixed, appraised, read: Reader) -> None:
    source = render(function, mixed, appraised)
    assert not re.search(r"https?:|//[a-z]|url\(|@import|javascript:", re.sub(r"base64,[^\"]+", "", source))
    assert not {tag for tag, _ in read.tags} & {"script", "link", "iframe", "object", "embed", "svg", "form", "a"}
    sources = [attributes["src"] for tag, attributes in read.tags if tag == "img"]
    assert len(sources) == 3
    for pictured in sources:
        assert pictured.startswith("data:image/png;base64,")
        assert base64.b64decode(pictured.split(",")[1], validate=True).startswith(b"\x89PNG")
    policy = next(a["content"] for tag, a in read.tags if tag == "meta" and "http-equiv" in a)
    assert policy.startswith("default-src 'none'")


def test_records_to_leave_out_are_named_on_the_page_and_in_the_terminal(function, mixed, appraised) -> None:
    verdicts = (Verdict.EXCLUDED, *appraised.verdicts[1:])
    page = render(function, mixed, replace(appraised, verdicts=verdicts))
    assert "Their rows, from 0: 0.</p>" in page
    assert "left out\trows 0; the gain is that of the set without them" in appraisal_text(
        replace(appraised, verdicts=verdicts)
    )
    many = appraisal_text(replace(appraised, verdicts=(Verdict.EXCLUDED, Verdict.USEFUL) * 200))
    assert "and more (all of them: --report, --json)" in many


def test_the_size_of_a_price_that_nothing_tested_is_not_shown(function, mixed, appraised) -> None:
    figures = {"episodes": 10, "rank_agreement": 0.9, "rank_error": 0.05, "ceiling": 0.9, "expected_error": 0.01}
    tested = Backtest(truth="itself", slope=1, slope_error=0, **figures)
    alone = replace(function, manifest=function.manifest.model_copy(update={"backtest": tested}))
    shown = [render(alone, mixed, appraised), function_text(alone), "\n".join(backtest_lines(alone.manifest))]
    assert not any("slope" in text for text in shown)
    assert "--train" in shown[1]
    assert "--train" in shown[2]


def test_a_price_for_mostly_uncertain_records_is_explained(function, mixed, appraised) -> None:
    many = tuple(Verdict.HARMFUL if not verdict.is_duplicate else verdict for verdict in appraised.verdicts)
    text = Reader(render(function, mixed, replace(appraised, price=10**17, verdicts=many))).text
    assert "harmful" not in text
    assert f"{appraised.priced} of {appraised.priced} records are uncertain" in text
    assert "per unit of paid gain" in text
    assert "0.1 ETH (100000000000000000 wei)" in text


def test_a_page_names_file_and_day_and_shows_records_only_where_that_is_wanted(function, mixed, appraised) -> None:
    shown, sent = (
        render(function, mixed, appraised, Heading("offer <1>.csv", "2026-11-26", with_records=wanted))
        for wanted in (True, False)
    )
    for page in (shown, sent):
        assert "<code>offer &lt;1&gt;.csv</code> 2026-11-26" in page
        assert 'name="viewport"' in page
    name = mixed.schema.features[0].name
    assert f"<th>{name}</th>" in shown
    assert f"<th>{name}</th>" not in sent


def test_hostile_names_are_text() -> None:
    """Names that are markup, formulas, control characters, right-to-left marks, or very long."""
    classes = ("<script>alert(1)</script>", r"$\frac{", '"><img src=x onerror=alert(1)>', "\u202eevil\x07" * 40)
    features = (*(Feature(name=f"n{j}") for j in range(3)), Feature(name="</td><b>", kind="categorical"))
    schema = Schema(task="classification", features=features, label="<i>label</i>", classes=classes)
    rng = np.random.default_rng(0)

    def drawn(n: int, unseen: dict[int, tuple[str, ...]] | None = None) -> Records:
        y = rng.integers(0, 4, n)
        x = np.zeros((n, 4), dtype=np.float32)
        x[:, :3] = np.array([[3, 0, 0], [0, 3, 0], [0, 0, 3], [-3, -3, -3]])[y] + rng.normal(0, 0.7, (n, 3))
        return Records(schema, x, y.astype(np.float64), unseen or {3: ("nothing",)})

    def model(features):
        scores = features[["n0", "n1", "n2"]].to_numpy(dtype=np.float64)
        return np.column_stack([scores, -1 - scores.sum(1)])

    function = fit(model, drawn(160), validation=drawn(80), method="forest", settings={"trees": 20}, decay=2e-3)
    offer = drawn(40, {3: ("<script>evil()</script>",)})
    read = Reader(render(function, offer, function.appraise(offer)))
    assert not {tag for tag, _ in read.tags} & {"script", "b", "i"}
    assert all("onerror" not in attributes for _, attributes in read.tags)
    for name in (*classes, "<i>label</i>", "'</td><b>' has 1 values"):
        assert name in read.text


def test_a_regression_is_shown_by_ranges_of_the_target() -> None:
    owner = hours(4, 100)
    x = owner.x[:, :4]
    slope = np.linalg.lstsq(np.column_stack([x, np.ones(len(x))]), owner.y, rcond=None)[0]

    def line(features):
        return features.iloc[:, :4].to_numpy(dtype=np.float64) @ slope[:4] + slope[4]

    function = fit(line, owner, validation=hours(5, 200), decay=2e-3)
    offer = hours(6, 40)
    appraisal = function.appraise(offer)
    text = Reader(render(function, offer, appraisal)).text
    assert "Value by target" in text
    spread = function.manifest.target[1]
    expected = function.method.record_values(offer) * 2 * spread**2
    np.testing.assert_allclose(appraisal.record_values, expected, err_msg="records and the set have one unit")
    assert f"{np.sort(offer.y)[0]:g} to {np.sort(offer.y)[9]:g}1010" in text
