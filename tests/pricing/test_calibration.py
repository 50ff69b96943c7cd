"""The surrogate learns as the model does: its units, its decay, its family; shown probabilities, or labels alone."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from assay.protocol.schema import Feature, Schema
from assay_pricing.function import make_task
from assay_pricing.records.records import Float32, Float64, Records
from assay_pricing.surrogate.black_box import as_black_box
from assay_pricing.surrogate.calibration import calibrate
from assay_pricing.surrogate.distillation import distil
from assay_pricing.surrogate.network import deterministic

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

    def predict(self, x: Float32) -> Float64:
        return np.asarray(self._model.predict(x * 10))

    def predict_proba(self, x: Float32) -> Float64:
        return np.asarray(self._model.predict_proba(x * 10))
