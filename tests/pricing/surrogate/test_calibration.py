"""The surrogate learns as the model does: its units, its decay, its family; shown probabilities, or labels alone."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from assay.protocol.schema import Feature, Schema
from assay_pricing.black_box.wrap import as_black_box
from assay_pricing.fitting import make_task
from assay_pricing.records.records import Float64, Records
from assay_pricing.surrogate import calibration
from assay_pricing.surrogate.calibration import (
    Candidate,
    Learner,
    calibrate,
    nonlinearity,
    search_decay,
    select_candidate,
)
from assay_pricing.surrogate.distillation import distil
from assay_pricing.surrogate.network import deterministic
from tests.pricing.contexts import identity_encoder, records, soft

pytestmark = pytest.mark.unit
COLUMNS, CLASSES, OWNED, HELD = 40, 4, 160, 200
DECAY = 0.1


def population(seed: int) -> Records:
    """Columns of one unit whose spreads differ tenfold; what matters is in the narrow ones."""
    rng = np.random.default_rng(seed)
    schema = Schema(
        task="classification",
        features=tuple(Feature(name=f"x{j}") for j in range(COLUMNS)),
        label="y",
        classes=tuple(str(i) for i in range(CLASSES)),
    )
    spreads = np.geomspace(0.1, 1, COLUMNS)
    inside = rng.normal(size=(OWNED + HELD, COLUMNS))
    scores = inside[:, : COLUMNS // 2] @ rng.normal(size=(COLUMNS // 2, CLASSES))
    y = scores.argmax(1).astype(np.float64)
    return Records(schema, (inside * spreads).astype(np.float32), y)


@pytest.fixture(scope="module")
def parties() -> tuple[Records, Records]:
    everybody = population(0)
    return everybody.take(np.arange(OWNED)), everybody.take(np.arange(OWNED, OWNED + HELD))


@pytest.fixture(scope="module")
def linear(parties: tuple[Records, Records]) -> object:
    """Standardises every column, then decays its weights."""
    owner, _ = parties
    return make_pipeline(StandardScaler(), LogisticRegression(C=1 / (DECAY * OWNED))).fit(owner.x, owner.y.astype(int))


@pytest.mark.parametrize("labels_only", [False, True], ids=["probabilities", "labels"])
def test_a_linear_model_of_standardised_columns_is_met_by_its_like(
    parties: tuple[Records, Records], linear: object, labels_only: bool
) -> None:
    owner, held = parties
    with deterministic():
        learner = calibrate(as_black_box(linear, owner.schema, labels_only=labels_only), owner, held, DECAY, 0)
    assert learner.linear is not labels_only
    assert learner.encoder.standardised
    assert np.ptp(learner.encoder.scale) > 0


def test_the_decay_is_found_within_a_step_where_nobody_states_it(
    parties: tuple[Records, Records], linear: object
) -> None:
    owner, held = parties
    with deterministic():
        learner = calibrate(as_black_box(linear, owner.schema), owner, held, None, 0)
    assert learner.linear
    assert DECAY / 3 <= learner.decay <= DECAY * 3


def test_a_linear_student_solves_for_the_weights_of_a_linear_model(
    parties: tuple[Records, Records], linear: object
) -> None:
    owner, held = parties
    with deterministic():
        student, fidelity = distil(make_task(linear, owner, validation=held))
    assert len(student.layers) == 1
    assert fidelity >= 0.98


def test_a_curved_model_keeps_a_hidden_layer(parties: tuple[Records, Records]) -> None:
    owner, held = parties
    y = (owner.x[:, 0] * owner.x[:, 1] > 0).astype(np.float64)
    curved = Records(owner.schema, owner.x, y)
    model = MLPClassifier((16,), alpha=DECAY, max_iter=2000, random_state=0).fit(owner.x * 10, y.astype(int))
    with deterministic():
        box = as_black_box(_Scaled(model), owner.schema)
        learner = calibrate(box, curved, held, None, 0)
    assert not learner.linear


class _Scaled:
    """A model that sees ten times its inputs."""

    def __init__(self, model: MLPClassifier) -> None:
        self._model = model
        self.classes_ = model.classes_

    def predict(self, x: Float64) -> Float64:
        return np.asarray(self._model.predict(x * 10))

    def predict_proba(self, x: Float64) -> Float64:
        return np.asarray(self._model.predict_proba(x * 10))


PLANE = Learner(identity_encoder(records([[0.0]], [0], 2).schema), 2e-3)


def grid(seed: int = 0, n: int = 400) -> Records:
    return records(np.random.default_rng(seed).uniform(-1, 1, (n, 2)), np.zeros(n), 2)


def test_the_log_odds_of_a_linear_model_are_linear() -> None:
    weights = np.array([[1.0, -2.0], [0.5, 3.0]])
    assert nonlinearity(as_black_box(lambda x: soft(x @ weights), grid().schema), grid(), 0) < 1e-10


def test_a_square_deviates_as_its_algebra_says() -> None:
    """Midway of a and b the square of x is off by (a - b)^2 / 4: E (a - b)^4 / 16 over Var ((a + b) / 2)^2, which are
    16 / 15 / 16 and 1 / 60 * 7 / 3 for draws from -1..1."""
    known = records(np.random.default_rng(0).uniform(-1, 1, (40_000, 1)), np.zeros(40_000), 1)
    found = nonlinearity(as_black_box(lambda x: x[:, 0] ** 2, known.schema), known, 0)
    assert found == pytest.approx((1 / 15) / (7 / 180), rel=0.05)


def test_of_labels_or_a_constant_nothing_is_known_to_be_linear() -> None:
    labels = as_black_box(lambda x: (x[:, 0] > 0).astype(int), grid().schema)
    constant = as_black_box(lambda x: np.full((len(x), 2), 0.5), grid().schema)
    assert nonlinearity(labels, grid(), 0) == float("inf")
    assert nonlinearity(constant, grid(), 0) == float("inf")


def test_categories_are_not_averaged() -> None:
    """A model that jumps with a category is linear still: both of a pair get the first one's."""
    schema = Schema(
        task="regression",
        features=(Feature(name="a"), Feature(name="c", kind="categorical", categories=("p", "q"))),
        label="y",
    )
    rng = np.random.default_rng(0)
    x = np.column_stack([rng.normal(size=100), rng.integers(0, 2, 100)]).astype(np.float32)

    def model(frame):
        return frame["a"].to_numpy() + 10 * (frame["c"] == "q").to_numpy()

    known = Records(schema, x, np.zeros(100))
    assert nonlinearity(as_black_box(model, schema), known, 0) < 1e-10


def bowl(best: float, tried: list[float]) -> Callable[[Learner], Candidate]:
    """A loss that is least at one decay."""

    def evaluate(learner: Learner) -> Candidate:
        tried.append(learner.decay)
        return learner, np.full(3, np.log(learner.decay / best) ** 2)

    return evaluate


@pytest.mark.parametrize(
    ("best", "steps"),
    [
        (2e-3, [1, 3, 1 / 3]),
        (1.9e-2, [1, 3, 9, 27]),
        (6e-4, [1, 3, 1 / 3, 1 / 9]),
        (100, [1, 3, 9, 27, 81, 243, 729]),
        (1e-9, [1, 3, 1 / 3, 1 / 9]),
    ],
)
def test_the_decay_is_searched_uphill_or_else_downhill_within_its_bounds(best: float, steps: list[float]) -> None:
    tried: list[float] = []
    found, _ = search_decay(bowl(best, tried), PLANE)
    assert tried == pytest.approx([2e-3 * step for step in steps])
    assert found.decay == min(tried, key=lambda decay: abs(np.log(decay / best)))


def test_a_learner_that_diverges_is_not_chosen() -> None:
    def evaluate(learner: Learner) -> Candidate:
        return learner, np.array([np.nan, 1.0]) if learner.decay > 2e-3 else np.array([2.0, 2.0])

    assert search_decay(evaluate, PLANE)[0].decay == pytest.approx(2e-3)


def candidates(*losses: list[float]) -> list[Candidate]:
    return [(replace(PLANE, decay=float(i)), np.array(row)) for i, row in enumerate(losses)]


def test_the_first_within_one_standard_error_is_taken() -> None:
    """Differences (0, 2) have mean 1 and standard error 1: within; (1, 2) mean 1.5 and 0.5: not."""
    assert select_candidate(candidates([1, 3], [1, 1]))[0].decay == 0
    assert select_candidate(candidates([2, 3], [1, 1]))[0].decay == 1
    assert select_candidate(candidates([2, 3], [1, 3], [1, 1]))[0].decay == 1
    assert select_candidate(candidates([1, 1], [0.9, 1.2]))[0].decay == 0
    assert select_candidate(candidates([np.inf, 1], [1, 2]))[0].decay == 1


def test_at_most_a_thousand_records_are_looked_at() -> None:
    many = grid(n=1500)
    some = calibration._subsample(many, 0)
    assert some.n == 1000
    assert {row.tobytes() for row in some.x} <= {row.tobytes() for row in many.x}
    assert calibration._subsample(grid(), 0).n == 400


def test_the_loss_to_the_model_is_its_cross_entropy() -> None:
    """A learner of huge decay says one half of everything: log 2, whatever the model says."""
    owner, held = grid(0, 40), grid(1, 30)
    answers = as_black_box(lambda x: soft(np.column_stack([x[:, 0], 0 * x[:, 0]])), owner.schema).predict(held.x)
    learner = Learner(identity_encoder(owner.schema), 1e6, linear=True)
    losses = calibration._losses_to_model(learner, owner, held, answers, 0)
    np.testing.assert_allclose(losses, np.full(30, np.log(2)), atol=0.05)
