"""Students: which are tried, what they are asked, and how their fidelity is measured."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from assay_pricing.black_box.port import Predictions
from assay_pricing.surrogate import distillation
from assay_pricing.surrogate.distillation import (
    agreement,
    distil,
    fidelity,
    linear_students,
    network_fidelity,
    queries,
)
from assay_pricing.surrogate.network import Network
from assay_pricing.surrogate.task import Task
from tests.pricing.contexts import records, soft, task

pytestmark = pytest.mark.unit
WEIGHTS = np.array([[1.0, -2.0, 0.5], [0.0, 1.0, -1.0]])
BIAS = np.array([0.3, 0.0, -0.4])


def line(x: np.ndarray) -> np.ndarray:
    return soft(x @ WEIGHTS + BIAS)


def world(model: object = line, k: int = 3) -> Task:
    rng = np.random.default_rng(0)
    owner, held = rng.normal(size=(60, 2)), rng.normal(size=(40, 2))
    return task(model, records(owner, rng.integers(0, k, 60), k), records(held, rng.integers(0, k, 40), k))


class Sized:
    """A black box that states its size."""

    def __init__(self, size: int | None) -> None:
        self.parameters = size

    def predict(self, x: np.ndarray) -> Predictions:
        p = line(x)
        return Predictions(p.argmax(1).astype(float), p)


def sized(size: int | None, *, linear: bool = False) -> Task:
    plain = world()
    return Task(plain.context, Sized(size), plain.owner, plain.validation, linear=linear)


def test_the_fidelity_of_a_classifier_is_the_share_of_equal_labels() -> None:
    outputs = torch.tensor([[2.0, 1, 0], [0, 1, 0], [0, 0, 5], [3, 0, 0]])
    assert fidelity(world(), outputs, Predictions(np.array([0.0, 1, 1, 0]))) == 0.75


@pytest.mark.parametrize(
    ("values", "expected"), [([1.0, 2, 3, 4], 1), ([2.0, 2, 3, 3], 1 - 2 / 5), ([9.0, 9, 9, 9], 0)]
)
def test_the_fidelity_of_a_regression_is_r_squared(values: list[float], expected: float) -> None:
    outputs = torch.tensor(values)[:, None]
    assert fidelity(world(lambda x: x[:, 0], 1), outputs, Predictions(np.array([1.0, 2, 3, 4]))) == pytest.approx(
        expected
    )


def test_a_constant_regression_is_met_exactly_or_not_at_all() -> None:
    found, model = world(lambda x: x[:, 0], 1), Predictions(np.array([2.0, 2]))
    assert fidelity(found, torch.tensor([[2.0], [2.0]]), model) == 1
    assert fidelity(found, torch.tensor([[2.0], [2.1]]), model) == 0


def test_the_model_is_asked_about_half_of_the_validation_set_and_judged_on_the_other() -> None:
    seen: list[np.ndarray] = []

    def model(x: np.ndarray) -> np.ndarray:
        seen.append(x.copy())
        return line(x)

    found = world(model)
    inputs, target = queries(found)
    asked = {row.tobytes() for row in seen[0]}
    assert len(inputs) == len(target) == 60 + 20 + 2 * 1024
    assert all(row.tobytes() in asked for row in found.owner.x)
    np.testing.assert_allclose(target.numpy(), line(seen[0]), rtol=1e-12)
    network_fidelity(found, Network.initialise((2, 3), 0))
    held = {row.tobytes() for row in found.validation.x}
    first, second = asked & held, {row.tobytes() for row in seen[1]}
    assert len(first) == len(second) == 20
    assert first | second == held


def test_of_many_validation_records_an_even_part_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assay_pricing.surrogate.distillation._MAX_ASKED", 15)
    inputs, _ = queries(world())
    assert len(inputs) == 15 + 10 + 2 * 1024


def test_of_labels_alone_the_labels_are_learned() -> None:
    _, target = queries(world(lambda x: line(x).argmax(1)))
    assert target.dim() == 1
    assert set(target.tolist()) <= {0, 1, 2}
    _, values = queries(world(lambda x: x[:, 0] * 2, 1))
    assert values.dim() == 1


def test_a_networks_fidelity_counts_where_it_agrees() -> None:
    exact = Network(((torch.from_numpy(WEIGHTS)[None], torch.from_numpy(BIAS)[None, None]),))
    assert network_fidelity(world(), exact) == 1
    wrong = Network(((torch.zeros(1, 2, 3).double(), torch.tensor([[[0.0, 0, 1]]]).double()),))
    found = world()
    unseen = distillation._halves(found)[1]
    assert network_fidelity(found, wrong) == (line(unseen).argmax(1) == 2).mean()


def test_linear_students_solve_for_the_models_weights() -> None:
    """Without ridge the log-odds of a linear model give its weights, centred over the classes, exactly."""
    x = np.random.default_rng(1).normal(size=(500, 2))
    students = list(linear_students(torch.from_numpy(x), torch.from_numpy(line(x))))
    assert len(students) == 3
    columns = np.column_stack([x, np.ones(500)])
    values = np.log(line(x)) - np.log(line(x)).mean(1, keepdims=True)
    for student, ridge in zip(students, (1e-3, 1e-2, 1e-1), strict=True):
        expected = np.linalg.solve(columns.T @ columns / 500 + ridge * np.eye(3), columns.T @ values / 500)
        weight, bias = student.layers[0]
        np.testing.assert_allclose(np.concatenate([weight[0], bias[0]]), expected, rtol=1e-9, atol=1e-12)
    centred = WEIGHTS - WEIGHTS.mean(1, keepdims=True)
    np.testing.assert_allclose(students[0].layers[0][0][0].numpy(), centred, atol=5e-3)


def test_linear_students_of_a_regression_solve_for_its_line() -> None:
    x = torch.from_numpy(np.random.default_rng(1).normal(size=(500, 2)))
    student = next(linear_students(x, x @ torch.tensor([3.0, -1.0]).double() + 2))
    np.testing.assert_allclose(student(x)[0, :, 0].numpy(), (x @ torch.tensor([3.0, -1.0]).double() + 2), atol=0.02)


def tried(found: Task, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Hidden widths in the order in which they are tried when none is good enough, 0 for a linear student."""
    monkeypatch.setattr(distillation, "_STEPS", 1)
    monkeypatch.setattr(distillation, "FIDELITY_FLOOR", 2.0)
    inputs, target = queries(found)
    return [0 if len(s.layers) == 1 else s.layers[0][0].shape[2] for s in distillation._students(found, inputs, target)]


def test_widths_are_tried_upwards_each_with_two_decays(monkeypatch: pytest.MonkeyPatch) -> None:
    assert tried(sized(None), monkeypatch) == [16, 16, 32, 32, 64, 64, 128, 128]


def test_linear_students_come_first_where_the_model_is_linear(monkeypatch: pytest.MonkeyPatch) -> None:
    assert tried(sized(None, linear=True), monkeypatch)[:4] == [0, 0, 0, 16]


@pytest.mark.parametrize(
    ("size", "widths"),
    [(400, [16, 16, 32, 32]), (250, [16, 16, 20, 20]), (20, [1, 1])],
)
def test_a_student_has_half_the_models_parameters_at_most(
    size: int, widths: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 2 inputs and 3 outputs a student of width w has 6 w + 3 parameters; one unit is the least."""
    assert tried(sized(size), monkeypatch) == widths


@pytest.mark.parametrize(("size", "first"), [(18, 0), (17, 1)])
def test_nor_has_a_linear_one(size: int, first: int, monkeypatch: pytest.MonkeyPatch) -> None:
    assert tried(sized(size, linear=True), monkeypatch)[0] == first


def test_the_first_student_that_agrees_is_taken_and_else_the_best(monkeypatch: pytest.MonkeyPatch) -> None:
    scores = iter([0.3, 0.8, 0.7, 0.95, 1.0])
    monkeypatch.setattr(distillation, "_STEPS", 1)
    monkeypatch.setattr(distillation, "network_fidelity", lambda *_: next(scores))
    student, reached = distil(sized(None))
    assert (student.layers[0][0].shape[2], reached) == (32, 0.95)
    scores = iter([0.3, 0.8, 0.7, 0.1, 0.2, 0.4, 0.5, 0.6])
    student, reached = distil(sized(None))
    assert (student.layers[0][0].shape[2], reached) == (16, 0.8)


@pytest.mark.parametrize(
    ("reached", "taken", "on_the_cpu"),
    [([0.3, 0.95], 1, 1), ([0.3, 0.89, 0.91, 0.95], 2, 2), ([0.2, 0.8, 0.7, 0.1, 0.2, 0.4, 0.5, 0.6], 1, 1)],
)
def test_a_gpu_says_which_students_are_worth_training_on_the_cpu(
    reached: list[float], taken: int, on_the_cpu: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By sums in another order an attempt is better or worse by .01."""
    trained: list[tuple[int, str]] = []

    def record(attempt: distillation._Attempt, *given: object) -> tuple[int, str]:
        trained.append((attempt.seed, "cuda" if len(given) == 4 else "cpu"))
        return trained[-1]

    def fidelity_of(_: Task, student: tuple[int, str]) -> float:
        number, device = student
        return reached[number] + (0 if device == "cpu" else 0.01 * (-1) ** number)

    monkeypatch.setattr(distillation._Attempt, "trained", record)
    monkeypatch.setattr(distillation, "network_fidelity", fidelity_of)
    assert distil(sized(None)) == ((taken, "cpu"), reached[taken])
    trained.clear()
    assert distil(replace(sized(None), device="cuda")) == ((taken, "cpu"), reached[taken])
    assert [device for _, device in trained].count("cpu") == on_the_cpu


def test_a_student_learns_a_bent_model() -> None:
    """Classes by the sign of a product: no linear student could."""
    messages: list[tuple[str, int, int]] = []
    plain = world(lambda x: (x[:, 0] * x[:, 1] > 0).astype(int), 2)
    found = Task(plain.context, plain.black_box, plain.owner, plain.validation, progress=lambda *m: messages.append(m))
    student, reached = distil(found)
    assert reached >= 0.9
    assert messages[0] == ("distilling a student of width 16", 1, 600)
    assert messages[599] == ("distilling a student of width 16", 600, 600)
    assert student.tensors[0].dtype == torch.float64


def test_an_agreement_is_corrected_for_chance_and_given_by_class() -> None:
    """By hand: the model says 0 of three records and 1 of one; the surrogate says 0 of all four."""
    outputs = torch.tensor([[2.0, 1, 0], [2, 1, 0], [2, 1, 0], [2, 1, 0]])
    found = agreement(world(), outputs, Predictions(np.array([0.0, 0, 0, 1])))
    assert found is not None
    assert (found.share, found.constant, found.kappa) == (0.75, 0.75, 0)
    assert found.by_class == (1, 0, None)
    turned = agreement(world(), torch.tensor([[0.0, 1, 0], [1, 0, 0]]), Predictions(np.array([0.0, 1])))
    assert turned is not None
    assert (turned.share, turned.kappa) == (0, -1)
    assert agreement(world(lambda x: x[:, 0], 1), outputs[:, :1], Predictions(np.zeros(4))) is None
