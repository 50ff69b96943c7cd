"""An anchored student stays where it is without an offer, and learns an offer without losing its answers."""

import numpy as np
import pytest
import torch

from assay_pricing.methods.families.fine_tuning import anchored
from assay_pricing.surrogate.network import Network, losses, train
from tests.pricing.contexts import sample

pytestmark = pytest.mark.unit


def test_an_anchored_student_keeps_what_the_owner_s_records_do_not_show() -> None:
    """It has learned both sides of a line; the owner's records are of the left side, the offer is on top."""
    rng = np.random.default_rng(0)
    x = rng.uniform(-2, 2, (400, 2))
    y = (x[:, 1] > 0).astype(float)
    whole = sample(x, y)
    student = train(
        Network.initialise((2, 16, 2), 0),
        whole.x,
        whole.y,
        torch.full((1, 400), 1 / 400, dtype=torch.float64),
        decay=1e-4,
        steps=200,
        rate=1e-2,
    )
    left = whole.take(np.flatnonzero(x[:, 0] < -1))
    assert anchored(student, left, left.take(np.arange(0))) is student
    top = rng.uniform(3, 4, (40, 2))
    offer = sample(top, np.zeros(40))
    tuned = anchored(student, left, offer)
    before, after = (float((net(left.x)[0].argmax(1) == left.y).double().mean()) for net in (student, tuned))
    assert after > before - 0.05
    assert float(losses(tuned(offer.x), offer.y).mean()) < 0.7 * float(losses(student(offer.x), offer.y).mean())
