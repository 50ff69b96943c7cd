"""What methods on a network share: parts, fine-tuning, influence, and the value of one record."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from assay_pricing.methods.families import network as family
from assay_pricing.methods.families.base import Parts
from assay_pricing.methods.families.network import (
    CompressedMethod,
    FineTunedMethod,
    NetworkMethod,
    influences,
    network_parts,
)
from assay_pricing.records.records import Float64, Records
from assay_pricing.surrogate.curvature import goal_gradient, solve
from assay_pricing.surrogate.network import Network
from assay_pricing.surrogate.newton import Moves
from assay_pricing.surrogate.task import RiskDrop, Task
from tests.pricing.contexts import context, drawn, records, task

pytestmark = pytest.mark.unit


class Plain(NetworkMethod):
    name = "plain"
    when_to_use = "in a test"

    def record_values(self, records: Records) -> Float64:
        return np.zeros(records.n)


class Tuned(FineTunedMethod):
    name = "tuned"
    when_to_use = "in a test"


NETWORK = Network.initialise((3, 4, 2), seed=1)
CONTEXT = context(drawn(1, 30, 3, 2, weights=True), drawn(2, 20, 3, 2), 2)


def test_a_network_is_kept_tensor_by_tensor() -> None:
    parts = network_parts(NETWORK, 0.934, "student")
    assert list(parts.tensors) == [f"network.{i}" for i in range(4)]
    assert set(parts.leaks.values()) == {
        "part of a student of 26 parameters that agrees with the model on 93.4% of inputs"
    }
    again = Plain(CONTEXT, parts).network
    assert all(torch.equal(a, b) for a, b in zip(again.tensors, NETWORK.tensors, strict=True))


def tuned_by_torch(weights: np.ndarray, offer: Records) -> np.ndarray:
    """Log-probabilities on the validation set after 70 steps of ``torch.optim.Adam``."""
    tensors = [tensor.clone().requires_grad_() for tensor in NETWORK.tensors]
    optimiser = torch.optim.Adam(tensors, lr=1e-2, weight_decay=CONTEXT.decay)
    encoded = CONTEXT.encode(offer)
    x, y = torch.cat([CONTEXT.base.x, encoded.x]), torch.cat([CONTEXT.base.y, encoded.y])
    weight = torch.cat([CONTEXT.base.weight, torch.from_numpy(weights)])
    for _ in range(70):
        optimiser.zero_grad()
        each = functional.cross_entropy(Network.of(tensors)(x)[0], y.long(), reduction="none")
        ((each * weight).sum() / weight.sum()).backward()
        optimiser.step()
    return Network.of(tensors)(CONTEXT.validation.x)[0].log_softmax(1).detach().numpy()


def test_a_set_is_fine_tuned_beside_the_base_in_each_scenario() -> None:
    offer = records(drawn(3, 6, 3, 2).x.numpy(), drawn(3, 6, 3, 2).y.numpy(), 2)
    method = Tuned.from_network(CONTEXT, NETWORK, 0.9, "student")
    scenarios = np.array([[0] * 6, [1] * 6, [0.5, 0, 2, 1, 0, 3]], dtype=float)
    found = method.refit_outputs(CONTEXT.encode(offer), torch.from_numpy(scenarios))
    expected = np.stack([tuned_by_torch(row, offer) for row in scenarios])
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert method.set_value(offer) == pytest.approx(
        CONTEXT.metric.risk(expected[0]) - CONTEXT.metric.risk(expected[1]), abs=1e-6
    )


def test_what_all_appraisals_share_is_computed_once() -> None:
    method = Tuned.from_network(CONTEXT, NETWORK, 0.9, "student")
    solved = solve(NETWORK, CONTEXT, goal_gradient(NETWORK, CONTEXT))
    assert torch.equal(method.parts.tensors["solved"], solved)
    assert set(method.parts.leaks) == set(method.parts.tensors)
    restored = Tuned.restore(CONTEXT, method.parts)
    offer = records(drawn(3, 6, 3, 2).x.numpy(), drawn(3, 6, 3, 2).y.numpy(), 2)
    assert restored.record_values(offer).tolist() == method.record_values(offer).tolist()


def test_influence_is_what_a_little_more_weight_of_a_record_changes() -> None:
    """Of a network trained to its optimum: the derivative of the goal in the record's weight, by two optima."""
    k, decay = 2, 0.1
    found = context(drawn(1, 30, 3, k), drawn(2, 20, 3, k), k, decay=decay)
    offer = drawn(4, 3, 3, k)

    def optimum(i: int, weight: float) -> Network:
        tensors = [torch.zeros(1, 3, k).double().requires_grad_(), torch.zeros(1, 1, k).double().requires_grad_()]
        optimiser = torch.optim.LBFGS(tensors, max_iter=500, tolerance_grad=1e-13, tolerance_change=1e-16, lr=1)
        x, y = torch.cat([found.base.x, offer.x[i : i + 1]]), torch.cat([found.base.y, offer.y[i : i + 1]])
        share = torch.tensor([1 / 30] * 30 + [weight / 30]).double()

        def closure() -> torch.Tensor:
            optimiser.zero_grad()
            each = functional.cross_entropy(Network.of(tensors)(x)[0], y.long(), reduction="none")
            total = (each * share).sum() + decay / 2 * sum((t**2).sum() for t in tensors)
            total.backward()
            return total

        for _ in range(3):
            optimiser.step(closure)
        return Network.of([t.detach() for t in tensors])

    def goal(network: Network) -> float:
        return float(functional.cross_entropy(network(found.validation.x)[0], found.validation.y.long()))

    step = 1e-3
    expected = [(goal(optimum(i, -step)) - goal(optimum(i, step))) / (2 * step) for i in range(3)]
    base = optimum(0, 0)
    solved = solve(base, found, goal_gradient(base, found))
    np.testing.assert_allclose(influences(base, found, offer, solved), expected, rtol=1e-4, atol=1e-9)


def test_a_records_value_is_cautious_and_passes_the_junk_test_or_is_not_above_zero(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Seven records by hand: (influence, full step, its error, searched step, its error, neighbours, their error)."""
    table = np.array(
        [
            [4, 3, 1, 6, 1, 0, 0],  # passes by the full step: (4 + 6) / 2 - 1 = 4
            [4, 1, 2, 6, 1, 3, 1],  # undecided, passes by its neighbours: 4
            [4, 1, 2, 6, 1, 1, 2],  # undecided, its neighbours are not certain: at most 0
            [4, -9, 1, 6, 1, 9, 1],  # step and influence lose together: at most 0, whatever its neighbours say
            [-4, 3, 1, 2, 1, 0, 0],  # passes, but helps nothing: (-4 + 2) / 2 - 1 = -2
            [2, 3, 3, 4, 1, 9, 1],  # a step of one error exactly does not pass; its neighbours do: 2
            [4, -1, 2, 6, 1, 3, 1],  # the step alone loses, with influence it gains: passes by its neighbours: 4
        ],
        dtype=float,
    )
    asked: list[int] = []

    class Steps:
        def __init__(self, *_: object) -> None: ...

        def moves(self, offer: object) -> Moves:
            """Full steps are the rows' numbers, those after the line search their negatives."""
            return Moves(offer.x[:, :1, None] + 1, -torch.ones(len(offer.x)))

        def full(self, offer: object) -> RiskDrop:
            return self.drops(self.moves(offer).full)

        def drops(self, steps: Tensor) -> RiskDrop:
            return self.drops_by(steps, [])[0]

        weights = torch.ones(0)

        def drops_by(self, steps: Tensor, _: object) -> list[RiskDrop]:
            found = steps[:, 0, 0].long()
            rows, column = found.abs().numpy() - 1, 1 if bool((found > 0).all()) else 3
            return [RiskDrop(table[rows, column], table[rows, column + 1])]

    class Near:
        def __init__(self, *_: object) -> None: ...

        weights = torch.ones(0)

        def risk_drops_by(self, offer: object, _: object) -> list[RiskDrop]:
            rows = [int(x) for x in offer.x[:, 0]]
            asked.extend(rows)
            return [RiskDrop(table[rows, 5], table[rows, 6])]

    monkeypatch.setattr(family, "NewtonStep", Steps)
    monkeypatch.setattr(family, "Neighbours", Near)
    monkeypatch.setattr(family, "influences", lambda *_: table[:, 0])
    method = Tuned(CONTEXT, Parts({"solved": torch.zeros(1)}))
    offer = records(np.column_stack([np.arange(7), np.zeros((7, 2))]), np.zeros(7), 2)
    assert method.record_values(offer).tolist() == [4, 4, 0, 0, -2, 2, 4]
    assert asked == [1, 2, 5, 6]
    assert method.junk_score(offer).tolist() == table[:, 1].tolist()


def test_a_compressed_student_is_judged_as_it_is_after_its_compression(monkeypatch: pytest.MonkeyPatch) -> None:
    silent = Network(((torch.zeros(1, 3, 2).double(), torch.tensor([[[1.0, 0]]]).double()),))

    class Silenced(CompressedMethod):
        name = "silenced"
        when_to_use = "in a test"

        @classmethod
        def compressor(cls, task: Task) -> tuple[Callable[[Network], Network], str]:
            assert task.owner.n == 30
            return lambda student: silent if student is NETWORK else student, "student that says nothing"

    monkeypatch.setattr(family, "distil", lambda _: (NETWORK, 1.0))
    held = drawn(2, 40, 3, 2)
    owner = records(drawn(1, 30, 3, 2).x.numpy(), drawn(1, 30, 3, 2).y.numpy(), 2)
    found = Silenced.fit(task(lambda x: (x[:, 0] > 0).astype(int), owner, records(held.x.numpy(), held.y.numpy(), 2)))
    assert torch.equal(found.network.tensors[1], silent.tensors[1])
    assert 0.2 < found.parts.fidelity < 0.8
    assert "student that says nothing of 8 parameters" in found.parts.leaks["network.0"]
    assert found.parts.leaks["alone"] == "the student that says nothing's answers on the validation records"
