"""Methods that score records one by one, each against its formula."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from assay_pricing import methods
from assay_pricing.errors import DataError
from assay_pricing.methods.families.network import network_parts
from assay_pricing.methods.influence import Influence
from assay_pricing.methods.knn import NearestNeighbours
from assay_pricing.methods.last_layer import LastLayer
from assay_pricing.methods.loss import Loss
from assay_pricing.methods.newton import Newton
from assay_pricing.methods.update import Update
from assay_pricing.surrogate.curvature import goal_gradient, solve
from assay_pricing.surrogate.neighbours import Neighbours
from assay_pricing.surrogate.network import Network
from assay_pricing.surrogate.newton import NewtonStep
from tests.pricing.contexts import context, drawn, records, soft, task

pytestmark = pytest.mark.unit
NETWORK = Network.initialise((3, 4, 2), seed=1)
CONTEXT = context(drawn(1, 30, 3, 2), drawn(2, 20, 3, 2), 2)
DRAWN = drawn(3, 8, 3, 2)
OFFER = records(DRAWN.x.numpy(), DRAWN.y.numpy(), 2)
ENCODED = CONTEXT.encode(OFFER)
PARTS = network_parts(NETWORK, 0.9, "student")


def loss(network: Network) -> torch.Tensor:
    return functional.cross_entropy(network(ENCODED.x)[0], ENCODED.y.long(), reduction="none")


def test_loss_is_the_students_cross_entropy() -> None:
    np.testing.assert_allclose(Loss(CONTEXT, PARTS).record_values(OFFER), loss(NETWORK).numpy(), rtol=1e-12)


def test_update_is_the_norm_of_a_records_gradient() -> None:
    tensors = [tensor.clone().requires_grad_() for tensor in NETWORK.tensors]
    each = loss(Network.of(tensors))
    norms = [
        float(torch.cat([g.flatten() for g in torch.autograd.grad(one, tensors, retain_graph=True)]).norm())
        for one in each
    ]
    np.testing.assert_allclose(Update(CONTEXT, PARTS).record_values(OFFER), norms, rtol=1e-9)


def test_newton_is_the_full_step_and_last_layer_its_first_order() -> None:
    step = NewtonStep(CONTEXT, NETWORK)
    assert Newton(CONTEXT, PARTS).record_values(OFFER).tolist() == step.full(ENCODED).mean.tolist()
    assert LastLayer(CONTEXT, PARTS).record_values(OFFER).tolist() == step.first_order(ENCODED).tolist()


def test_influence_solves_for_the_goal_at_its_fit() -> None:
    held = drawn(2, 60, 3, 2)
    owner = records(drawn(1, 80, 3, 2).x.numpy(), drawn(1, 80, 3, 2).y.numpy(), 2)
    found = Influence.fit(task(lambda x: soft(x[:, :2]), owner, records(held.x.numpy(), held.y.numpy(), 2)))
    solved = solve(found.network, found.context, goal_gradient(found.network, found.context))
    torch.testing.assert_close(found.parts.tensors["solved"], solved)
    tensors = [tensor.clone().requires_grad_() for tensor in found.network.tensors]
    each = loss(Network.of(tensors))
    gradients = torch.stack(
        [torch.cat([g.flatten() for g in torch.autograd.grad(one, tensors, retain_graph=True)]) for one in each]
    )
    np.testing.assert_allclose(found.record_values(OFFER), (gradients @ solved).numpy() / 80, rtol=1e-9, atol=1e-15)
    assert set(found.parts.leaks) == set(found.parts.tensors)


def nearest(neighbours: int) -> NearestNeighbours:
    owner = records(np.array([[-2.0], [-1], [0.4], [1], [2]]), [0, 0, 1, 1, 1], 2)
    held = records(np.array([[-1.5], [0.5], [1.5], [-0.4]]), [0, 1, 1, 1], 2)
    model = task(lambda x: (x[:, 0] > 0).astype(int), owner, held, {"neighbours": neighbours})
    return NearestNeighbours.fit(model)


def test_the_fidelity_of_neighbours_is_their_agreement_with_the_model() -> None:
    """One neighbour answers as the model does everywhere, five answer with the larger class."""
    assert nearest(1).parts.fidelity == 1
    assert nearest(5).parts.fidelity == 0.5


def test_knn_scores_by_the_neighbours_kernel() -> None:
    found = nearest(3)
    kernel = Neighbours(found.context, 3)
    offer = records(np.array([[-0.5], [0.45]]), [1, 1], 2)
    encoded = found.context.encode(offer)
    assert found.record_values(offer).tolist() == kernel.risk_drops(encoded).mean.tolist()
    outputs = kernel.outputs(encoded, torch.ones(1, 2).double())
    np.testing.assert_allclose(found.refit_outputs(encoded, torch.ones(1, 2).double()), outputs.log_softmax(-1).numpy())


def test_no_neighbour_is_refused() -> None:
    with pytest.raises(DataError, match="expected at least one neighbour, got 0"):
        nearest(0)


def test_methods_without_records_say_so() -> None:
    without = {name for name in methods.names() if not methods.method(name).needs_records}
    assert without == {"influence", "loss", "ridge", "update"}
