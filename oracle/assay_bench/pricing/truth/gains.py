"""True gains of data: the true model is trained with the data and without it.

* ``update``: distance of the parameters after training with a record from the control's.
* ``validation`` (V): drop of the validation loss when training continues on base + record. The price predicts this.
* ``test`` (T): the same on test records, which no price has seen. Its rank correlation with V is the ceiling of any
  price's rank correlation with T.
* ``SetGains``: the gain of a set, the true model trained from scratch from several paired initialisations.

Training continues from the true model with weight decay, because an influence function approximates this response
(Bae et al., NeurIPS 2022).
"""

from dataclasses import dataclass

import numpy as np
import torch

from assay_bench.figures import Floats
from assay_bench.pricing.data.dataset import Dataset
from assay_bench.pricing.data.parties import Parties
from assay_bench.pricing.truth import nets
from assay_bench.pricing.truth.nets import Nets

INITIALISATIONS = 4
_CHUNK_RECORDS = 40_000  # records that train at the same time, over all networks: limits memory


@dataclass(frozen=True)
class RecordGains:
    """Gains of single records, (n,) each, in units of loss; ``update`` in parameter distance."""

    update: Floats
    validation: Floats
    test: Floats


@dataclass(frozen=True)
class SetGains:
    """Gains of sets by initialisation, (m, i) each."""

    validation: Floats
    test: Floats

    @property
    def gain_v(self) -> Floats:
        """Mean gain on validation (m,)."""
        return np.asarray(self.validation.mean(1))

    @property
    def gain_t(self) -> Floats:
        """Mean gain on test (m,)."""
        return np.asarray(self.test.mean(1))


def true_model(parties: Parties) -> Nets:
    """The owner's model, trained from scratch on the base."""
    return nets.fit(parties.base, parties.recipe, parties.seed)


def record_gains(parties: Parties, model: Nets) -> RecordGains:
    """Gain of every offered record alone, against a control that continues training on the base alone."""
    base, offer, recipe = parties.base, parties.offer, parties.recipe
    x, y = nets.tensors(base)
    control = nets.train(model, x, y, torch.full((1, len(x)), 1 / len(x)), base.classes, recipe, warm=True)
    gains: list[list[Floats]] = [[], [], []]
    for rows in _chunks(len(offer), len(base) + 1):
        part = offer.take(rows)
        more_x, more_y = nets.tensors(part)
        e, n = len(part), len(base) + 1
        inputs = torch.cat([x.expand(e, *x.shape), more_x[:, None]], 1)
        targets = torch.cat([y.expand(e, len(y)), more_y[:, None]], 1)
        trained = nets.train(
            model.repeat(e), inputs, targets, torch.full((e, n), 1 / n), base.classes, recipe, warm=True
        )
        gains[0].append((trained.flat() - control.flat()).norm(dim=1).double().numpy())
        gains[1].append(nets.mean_loss(control, parties.validation) - nets.mean_loss(trained, parties.validation))
        gains[2].append(nets.mean_loss(control, parties.test) - nets.mean_loss(trained, parties.test))
    return RecordGains(*(np.concatenate(parts) for parts in gains))


def set_gains(
    parties: Parties,
    batches: tuple[Dataset, ...],
    initialisations: int = INITIALISATIONS,
) -> SetGains:
    """Gain of every set; each initialisation is paired with its own control, trained on the base alone."""
    base, recipe = parties.base, parties.recipe
    gains_v, gains_t = [], []
    for i in range(initialisations):
        start = nets.initialised(base.x.shape[1], recipe.hidden, max(base.classes, 1), [parties.seed * 1000 + i])
        x, y = nets.tensors(base)
        control = nets.train(start, x, y, torch.full((1, len(x)), 1 / len(x)), base.classes, recipe)
        losses = [_retrained_losses(parties, start, batches, rows) for rows in _set_chunks(batches, len(base))]
        loss_v, loss_t = (np.concatenate([part[which] for part in losses]) for which in (0, 1))
        gains_v.append(nets.mean_loss(control, parties.validation) - loss_v)
        gains_t.append(nets.mean_loss(control, parties.test) - loss_t)
    return SetGains(np.stack(gains_v, 1), np.stack(gains_t, 1))


def _retrained_losses(
    parties: Parties, start: Nets, batches: tuple[Dataset, ...], rows: list[int]
) -> tuple[Floats, Floats]:
    """Losses on validation and test records after training on base + set, for some sets at the same time.

    Sets of different length are padded with records of weight zero.
    """
    base, recipe, longest = parties.base, parties.recipe, max(len(batches[i]) for i in rows)
    e, n, d = len(rows), len(base) + longest, base.x.shape[1]
    x, y, weights = torch.zeros(e, n, d), torch.zeros(e, n), torch.zeros(e, n)
    for slot, i in enumerate(rows):
        whole_x, whole_y = nets.tensors(base.plus(batches[i]))
        x[slot, : len(whole_x)], y[slot, : len(whole_y)] = whole_x, whole_y
        weights[slot, : len(whole_x)] = 1 / len(whole_x)
    trained = nets.train(start.repeat(e), x, y, weights, base.classes, recipe)
    return nets.mean_loss(trained, parties.validation), nets.mean_loss(trained, parties.test)


def _chunks(count: int, records_each: int) -> list[list[int]]:
    size = max(1, _CHUNK_RECORDS // records_each)
    return [list(range(start, min(start + size, count))) for start in range(0, count, size)]


def _set_chunks(batches: tuple[Dataset, ...], base: int) -> list[list[int]]:
    return _chunks(len(batches), base + max(len(batch) for batch in batches))
