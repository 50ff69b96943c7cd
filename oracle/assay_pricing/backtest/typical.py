"""What the price function itself would pay for a typical offer: more records of the owner's own kind.

Parts of her records are held out, and priced as if a seller offered them.
"""

import math
from dataclasses import replace
from functools import partial

import numpy as np

from assay_pricing.learners.threads import in_parallel
from assay_pricing.manifest import Manifest
from assay_pricing.methods import Method, RefitMethod
from assay_pricing.price import PARTS, Outlook, to_micros
from assay_pricing.records.records import Float64
from assay_pricing.surrogate.outlook import model_risk, outlook, recalibration
from assay_pricing.surrogate.task import MAX_BASE, Task, stratified_sample
from assay_pricing.valuation import Valuation, value_offer

_DRAWS = 2
_ACCURACY = 0.2
"""Standard error of a gain, as a share of it, that an owner may be content with. It falls with the square root of the
number of validation records, as that of every mean."""
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
    found: list[Valuation | None] = [None]
    if isinstance(method, RefitMethod):
        task.progress(_PRICING, 0, _DRAWS)
        found = in_parallel(partial(_valued, method, manifest, task, records), range(_DRAWS), len(method.context.base))
        task.progress(_PRICING, _DRAWS, _DRAWS)
    valued = [one for one in found if one is not None]
    if not valued:
        return outlook(task.black_box, task.owner, task.validation, task.context.metric, task.seed)
    answers = task.black_box.predict(task.validation.x)
    risk = model_risk(answers, task.context.metric)
    gain = max(0.0, float(np.mean([one.gain for one in valued])))
    error = float(np.mean([one.error for one in valued]))  # the draws are read on the same validation records
    return Outlook(
        risk=manifest.risk if risk is None else risk,
        records=records,
        gain=gain,
        error=error,
        enough=math.ceil(task.validation.n * (error / (_ACCURACY * gain)) ** 2) if to_micros(gain) else 0,
        recalibration=recalibration(answers, task.context.metric),
    )


def _valued(method: RefitMethod, manifest: Manifest, task: Task, records: int, draw: int) -> Valuation | None:
    """The value of some of the owner's records where the surrogate has learned the others, in a draw."""
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

    return value_offer(shorter, manifest, offer, values, nothing, nothing)
