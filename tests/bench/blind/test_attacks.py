"""The attacks on blind prices, against a small model: each of them works where it should, and fails where it must."""

from functools import partial

import numpy as np
import pytest

from assay_bench.blind.page import write_parts
from assay_bench.blind.prober import Oracle, Prober, copies
from assay_bench.blind.quoting import Unchecked, quoted
from assay_bench.blind.reader import reading
from assay_bench.blind.run import run
from assay_bench.blind.timing import timed, without_rows
from assay_pricing.price import PricingRule, to_micros
from assay_pricing.records.records import Records
from assay_pricing.sums.fitting import Goal, Ridge, integers
from assay_pricing.sums.form import PriceForm
from assay_pricing.sums.moments import Moments
from tests.pricing.sums.plain import plain_features, records_of

pytestmark = pytest.mark.unit

FEATURES = plain_features(4)
CENTRES = np.random.default_rng(0).uniform(-0.6, 0.6, (3, 8))


def drawn(n: int, seed: int) -> Records:
    """Records around the centre of their class."""
    rng = np.random.default_rng(seed)
    y = rng.integers(3, size=n)
    return records_of(FEATURES, CENTRES[y] + rng.normal(0, 0.1, (n, 8)), y.astype(np.float64))


@pytest.fixture(scope="module")
def form() -> PriceForm:
    """Of a model that knows little of the last class."""
    owner, goal = drawn(200, 1), drawn(200, 2)
    owner = owner.take(np.flatnonzero((owner.y < 2) | (np.arange(200) % 9 == 0)))
    moments = Moments.of(FEATURES, [owner])
    weights = np.linalg.solve(moments.second + 5000 * np.eye(FEATURES.width), moments.first)
    codes, labels = FEATURES.inputs.of(goal)
    phi = FEATURES.of(codes).astype(np.float64)
    slope = phi.T @ (phi @ weights - labels) / len(phi)
    return integers(Ridge(FEATURES, 20_000.0, weights, Goal(slope, phi.T @ phi / len(phi))))


def answers(form: PriceForm, records: Records) -> np.ndarray:
    """What the surrogate answers."""
    return np.asarray((FEATURES.of(FEATURES.inputs.codes(records.x)) @ form.secret.weights).argmax(1))


def money(form: PriceForm, grid: int, doubled: int, _: int) -> int:
    return PricingRule(rate=10**9, grid=grid).price(to_micros(max(form.gain_of(doubled), 0.0)), 1)


def test_a_prober_reads_the_surrogates_labels_by_four_prices_each(form: PriceForm) -> None:
    oracle = Oracle(form, partial(money, form, 1), 30)
    others, fresh = drawn(60, 4), drawn(200, 5)
    found = Prober(oracle, drawn(30, 3), others).labels(3)
    assert found is not None
    labels, asked = found
    assert (labels == answers(form, others)).mean() > 0.9
    assert (np.diff(asked) == 4).all()
    first, *_, last = copies(drawn(4, 8), others, labels, asked, fresh, answers(form, fresh))
    assert first.queries == 0
    assert last.fidelity > max(first.fidelity, 0.9)


def test_the_rounds_on_ciphertexts_answer_a_probers_sums_as_the_attack_takes_them_to(form: PriceForm) -> None:
    oracle = Oracle(form, partial(money, form, 1), 30)
    Prober(oracle, drawn(30, 3), drawn(1, 4)).labels(1)
    last = oracle.last
    assert (last[0] != last[0].T).any()
    assert money(form, 1, quoted(form.secret, last, Unchecked).price, 30) == oracle.answer(*last) > 0


def test_a_grid_above_the_price_of_her_data_tells_a_prober_nothing(form: PriceForm) -> None:
    oracle = Oracle(form, partial(money, form, 10**9), 30)
    assert Prober(oracle, drawn(30, 3), drawn(5, 4)).labels(2) is None
    assert oracle.asked == 1


def test_an_owner_without_damping_reads_a_label_of_few_records_and_not_of_many() -> None:
    pool = drawn(2000, 6)
    few, many = (reading(FEATURES, pool, size, 1e-6, 10**5, 0) for size in (10, 900))
    assert few.label > 0.9
    assert few.leverage > 0.9
    assert many.label < 0.6
    assert many.leverage < 0.2
    assert few.member > many.member


def test_two_sets_of_integers_are_timed_in_turns(form: PriceForm) -> None:
    found = form.terms.statistics(Moments.of(FEATURES, [drawn(9, 1)]))
    thinned = without_rows(form.secret)
    assert not thinned.weights[::2].any()
    assert not thinned.quadratic[::2].any()
    assert (thinned.linear[1::2] == form.secret.linear[1::2]).all()
    both = timed(form.secret, thinned, (found.shrinkage, found.solution), 2)
    assert both.one > 0
    assert both.other > 0


def test_a_page_without_a_place_for_a_table_is_refused(tmp_path) -> None:
    report = run((10,), (), tmp_path, lambda _: None)
    page = tmp_path / "page.md"
    page.write_text("text\n<!-- measured: sizes -->\nold\n<!-- end -->\n<!-- measured: peers -->\n<!-- end -->\nmore\n")
    write_parts(report, page)
    text = page.read_text()
    assert "old" not in text
    assert "| 10 | " in text
    assert text.endswith("<!-- end -->\nmore\n")
    page.write_text("nothing\n")
    with pytest.raises(ValueError, match="expected a part 'sizes'"):
        write_parts(report, page)
