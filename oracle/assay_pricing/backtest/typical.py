"""What the price function itself would pay for a typical offer: more records of the owner's own kind.

Parts of her records are held out, and priced as if a seller offered them.
"""

from dataclasses import replace
from functools import partial

import numpy as np

from assay_pricing.learners.threads import in_parallel
from assay_pricing.manifest import Manifest
from assay_pricing.methods import Method, RefitMethod
from assay_pricing.price import PARTS, Outlook
from assay_pricing.records.records import Float64
from assay_pricing.surrogate.outlook import model_risk, outlook, recalibration
from assay_pricing.surrogate.task import MAX_BASE, Task, stratified_sample
from assay_pricing.valuation import value_offer

_DRAWS = 2
_PRICING = "pricing typical offers"


def typical(method: Method, manifest: Manifest, task: Task) -> Outlook:
    """The outlook by the price function: the mean gain that it pays for a fifth of the owner's records.

    An offer has at most a fifth of the records that a price function carries. A method that cannot do without some of
    the owner's records unless it is fitted again has the outlook of a small network.

    Args:
        method: The fitted method.
        manifest: Of its price function.
        task: What it was fitted on.
    """
    records = max(1, min(task.owner.n, MAX_BASE) // PARTS)
    gains: list[float | None] = [None]
    if isinstance(method, RefitMethod):
        task.progress(_PRICING, 0, _DRAWS)
        gains = in_parallel(partial(_paid, method, manifest, task, records), range(_DRAWS), len(method.context.base))
        task.progress(_PRICING, _DRAWS, _DRAWS)
    paid = [gain for gain in gains if gain is not None]
    if not paid:
        return outlook(task.black_box, task.owner, task.validation, task.context.metric, task.seed)
    answers = task.black_box.predict(task.validation.x)
    risk = model_risk(answers, task.context.metric)
    return Outlook(
        risk=manifest.risk if risk is None else risk,
        records=records,
        gain=max(0.0, float(np.mean(paid))),
        recalibration=recalibration(answers, task.context.metric),
    )


def _paid(method: RefitMethod, manifest: Manifest, task: Task, records: int, draw: int) -> float | None:
    """Gain that is paid for some of the owner's records where the surrogate has learned the others, in a draw."""
    rng = np.random.default_rng([task.seed, draw])
    rows = rng.permutation(task.owner.n)
    offer, rest = task.owner.take(np.sort(rows[:records])), task.owner.take(np.sort(rows[records:]))
    most = max(MAX_BASE, len(method.context.base))
    shorter = method.on(replace(task.context, base=stratified_sample(rest, task.context.encoder, rng, most)))
    if shorter is None:
        return None
    nothing = offer.take(np.arange(0))

    def values() -> Float64:
        return shorter.record_values(offer) * shorter.value_unit

    return value_offer(shorter, manifest, offer, values, nothing, nothing).gain
