"""The approaches of others: every column of each on one small trade, and who walks away with what."""

import numpy as np
import pytest

from assay_bench.comparison.approaches import find
from assay_bench.comparison.approaches.encrypted import ridge
from assay_bench.comparison.approaches.encrypted.inference import evaluated
from assay_bench.comparison.approaches.recent import contribution, privade
from assay_bench.comparison.figures import Figure, Row
from assay_bench.comparison.secure import squares
from assay_bench.comparison.secure.sharing import Pair
from assay_bench.comparison.trade import SELLERS, USEFUL, Gains, Trade, draw
from assay_bench.pricing.truth import nets

pytestmark = pytest.mark.unit


@pytest.fixture(scope="module")
def trade() -> Trade:
    """A draw whose useful data are said to gain 1 nat, and all others nothing."""
    gains = {name: float(name == USEFUL) for name in SELLERS}
    return draw("small", 1, Gains(validation=gains, test=gains))


def number(figure: Figure) -> float:
    assert figure.value is not None, figure.why
    return figure.value


def filled(trade: Trade, name: str) -> Row:
    """The row, every figure of which is a number or has a reason."""
    row = find(name).run(trade)
    for _, column in row.columns():
        assert all(figure.value is not None or figure.why for _, figure in column.figures())
    return row


@pytest.mark.parametrize("name", ["tip", "data-appraisal", "privade", "proof-of-contribution"])
def test_only_numbers_leave_the_seller(trade: Trade, name: str) -> None:
    row = filled(trade, name)
    assert number(row.data_leakage.recovered) == 0
    assert number(row.data_leakage.kept) == 0
    assert number(row.model_leakage.weights) == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    ["encrypted-model-evaluation", "encrypted-model", "doubly-permuted", "encrypted-ridge", "encrypted-inference"],
)
def test_rows_that_take_long_are_filled_too(trade: Trade, name: str) -> None:
    filled(trade, name)


def test_costs_at_another_scale_say_how_they_were_extrapolated(trade: Trade) -> None:
    row = filled(trade, "doubly-permuted-101-classes")
    assert row.practicality.seconds.formula.startswith("206,848 weights, each as one of 20")
    assert number(row.practicality.bytes_sent) == 206_848 * 256


@pytest.mark.slow
def test_a_dishonest_buyer_of_updates_reads_records_and_a_crowd_of_its_own_hides_nothing(trade: Trade) -> None:
    alone, sybils = (filled(trade, name) for name in ("federated-averaging", "secure-aggregation-of-sybils"))
    for row in (alone, sybils):
        assert number(row.data_leakage.recovered) > 0.3
        assert number(row.data_leakage.membership) > 0.8
        assert number(row.model_leakage.weights) == 1


def test_a_worker_sees_everything_and_pays_neither_copies_nor_wrong_labels(trade: Trade) -> None:
    reference = nets.fit(trade.public, trade.parties.recipe, 0)
    found = {name: contribution.quality(trade, reference, data).mean() for name, data in trade.sellers.items()}
    assert found["owners"] == 0
    assert found["copies"] <= 0.2
    assert found["mislabelled"] < 0.3
    assert found[USEFUL] > 0.6
    assert number(find("proof-of-contribution").run(trade).data_leakage.third_party) == 1


def test_made_up_sums_swamp_the_ridge_model_and_show_the_sellers_class_means(trade: Trade) -> None:
    data = trade.useful
    found = ridge.swamped(data)
    images = data.x.reshape(-1, 4, 2, 4, 2).mean((2, 4))
    means = [images[data.y == value].mean(0) for value in np.unique(data.y)]
    assert np.allclose(found.reshape(-1, 8, 8)[:, ::2, ::2], means, atol=0.05)


def test_a_student_on_shares_answers_as_in_the_clear(trade: Trade) -> None:
    student, chosen = privade.distilled(trade), privade.representative(trade.useful, seed=0)
    assert 2 <= len(chosen) <= len(trade.useful) // 4
    found = privade.evaluated(Pair(0), student, chosen.x)
    assert np.allclose(found, squares.outputs(student, chosen.x), atol=0.01)


def test_a_network_on_encrypted_records_answers_as_in_the_clear(trade: Trade) -> None:
    weights = squares.initial(4, 2, 3, seed=0)
    found, sizes = evaluated(weights, trade.useful.x[:, 2:6])
    assert np.allclose(found, squares.outputs(weights, trade.useful.x[:, 2:6]), atol=1e-4)
    assert len(sizes) == 2
