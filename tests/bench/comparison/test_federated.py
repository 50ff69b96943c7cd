"""Rounds between a buyer and sellers, and what a buyer reads off one update."""

import numpy as np
import pytest
import torch

from assay_bench.comparison import federated
from assay_bench.comparison.attacks.inversion import closed_form, trapped
from tests.bench.comparison.attacks.networks import digits, untrained

pytestmark = pytest.mark.unit


def test_local_epochs_learn_and_an_update_moves_the_network_there() -> None:
    network, data = untrained(), digits(0, 60)
    after = federated.moved(network, federated.local_update(network, data, seed=0))
    before, later = (-np.log(each.probabilities(data.x)[range(60), data.y.astype(int)]) for each in (network, after))
    assert later.mean() < before.mean() / 2


def test_updates_are_averaged_by_the_number_of_records() -> None:
    one, two = (torch.ones(2),), (4 * torch.ones(2),)
    assert torch.equal(federated.averaged([one, two], [2, 1])[0], torch.tensor([2.0, 2.0]))


def test_an_update_survives_being_one_vector() -> None:
    update = federated.local_update(untrained(), digits(0, 10), seed=0)
    again = federated.shaped(federated.flat(update), update)
    assert all(torch.equal(a, b) for a, b in zip(again, update, strict=True))


def test_a_trapped_model_gives_records_away_after_local_epochs_and_in_a_sum_of_clients() -> None:
    data = digits(100, 20)
    trap = trapped(untrained(), digits(300, 200).x)
    alone = federated.local_update(trap, data, seed=0)
    crowd = [alone, *(federated.local_update(trap, digits(first, 4), seed=0) for first in (900, 1200))]
    for update, clients in ((alone, [20]), (federated.averaged(crowd, [20, 4, 4]), [20, 4, 4])):
        by = federated.gradient_of(trap, update, clients)
        errors = ((data.x[:, None] - closed_form(by[0], by[1])[None]) ** 2).mean(2).min(1)
        assert (errors < 1e-3).mean() > 0.25
