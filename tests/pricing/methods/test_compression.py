"""Pruning and quantisation: which weights stay, and where they may lie."""

import numpy as np
import pytest
import torch

from assay_pricing import methods
from assay_pricing.errors import DataError
from assay_pricing.methods import pruning
from assay_pricing.methods.pruning import Pruning, masks
from assay_pricing.methods.quantisation import Quantisation, rounded
from assay_pricing.surrogate.network import Network
from assay_pricing.surrogate.task import Task
from tests.pricing.contexts import records, soft, task

pytestmark = pytest.mark.unit


def world(name: str, **given: object) -> Task:
    x = np.random.default_rng(0).normal(size=(100, 3))
    owner = records(x, np.zeros(100), 2)
    return task(lambda rows: soft(rows[:, :2] * 3), owner, owner, methods.settings(name, given))


def test_the_smallest_weights_of_each_layer_are_masked() -> None:
    """Magnitudes 1..4: half of them lie below the median 2.5; the layer of magnitudes 10 and 20 is cut by itself."""
    layers = (
        (torch.tensor([[[1.0, -4.0], [3.0, -2.0]]]).double(), torch.zeros(1, 1, 2).double()),
        (torch.tensor([[[-20.0], [10.0]]]).double(), torch.zeros(1, 1, 1).double()),
    )
    found = [mask.flatten().tolist() for mask in masks(Network(layers), 0.5)]
    assert found == [[0, 1, 1, 0], [1, 1], [1, 0], [1]]


def test_nothing_is_masked_where_no_share_is_asked_for_nor_in_a_layer_of_one_weight() -> None:
    network = Network.initialise((3, 4, 2), 0)
    assert all(mask.all() for mask in masks(network, 0))
    assert all(mask.all() for mask in masks(Network.initialise((1, 1), 0), 0.9))


def test_what_is_pruned_stays_zero_and_the_rest_learns_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pruning, "_STEPS", 60)
    messages: list[tuple[str, int, int]] = []
    plain = world("pruning", share=0.25)
    found = Task(
        plain.context,
        plain.black_box,
        plain.owner,
        plain.validation,
        progress=lambda *message: messages.append(message),
        settings=plain.settings,
    )
    compress, description = Pruning.compressor(found)
    student = Network.initialise((3, 2), 0)
    network = compress(student)
    kept = masks(student, 0.25)
    assert description == "student without 25% of its weights"
    assert all(not tensor[mask == 0].any() for tensor, mask in zip(network.tensors, kept, strict=True))
    assert sum(int((mask == 0).sum()) for mask in kept) == 2
    agree = [
        float((part(plain.context.base.x)[0].argmax(1) == plain.context.base.x[:, :2].argmax(1)).double().mean())
        for part in (student, network)
    ]
    assert agree[1] > max(0.8, agree[0])
    assert messages[-1] == ("fine-tuning the pruned student", 60, 60)


@pytest.mark.parametrize("share", [-0.1, 1.0])
def test_another_share_is_refused(share: float) -> None:
    with pytest.raises(DataError, match="expected a share of the weights to prune from 0 to under 1"):
        Pruning.compressor(world("pruning", share=share))


def test_weights_are_rounded_on_the_grid_of_their_output() -> None:
    """Three bits: steps of a third of the largest; the outputs' largest are 3 and 0.3."""
    weights = torch.tensor([[[3.0, 0.3], [1.4, -0.16], [-0.6, 0.0]]]).double()
    expected = [[[3, 0.3], [1, -0.2], [-1, 0]]]
    np.testing.assert_allclose(rounded(weights, 3).numpy(), expected)


@pytest.mark.parametrize("bits", [2, 4, 8, 16])
def test_a_rounded_weight_is_off_by_half_a_step_at_most(bits: int) -> None:
    weights = Network.initialise((50, 20), 0).layers[0][0]
    found = rounded(weights, bits)
    step = weights.abs().amax(1, keepdim=True) / (2 ** (bits - 1) - 1)
    assert ((found - weights).abs() <= step / 2 * (1 + 1e-9)).all()
    assert all(len(found[0, :, j].unique()) <= 2**bits - 1 for j in range(20))
    torch.testing.assert_close(rounded(found, bits), found)


def test_a_zero_output_stays_zero() -> None:
    assert not rounded(torch.zeros(1, 3, 2).double(), 8).any()


def test_a_quantised_student_has_rounded_weights_and_biases() -> None:
    compress, description = Quantisation.compressor(world("quantisation", bits=4))
    student = Network.initialise((3, 4, 2), 0)
    assert description == "4-bit student"
    for found, plain in zip(compress(student).tensors, student.tensors, strict=True):
        assert torch.equal(found, rounded(plain, 4))


@pytest.mark.parametrize("bits", [1, 17])
def test_another_number_of_bits_is_refused(bits: int) -> None:
    with pytest.raises(DataError, match=f"expected 2 to 16 bits, got {bits}"):
        Quantisation.compressor(world("quantisation", bits=bits))
