"""The value of an offer as a set: the drop of the owner's risk that it adds to what the owner has or is offered."""

from dataclasses import dataclass
from functools import reduce

import numpy as np
import torch

from assay_pricing.controls import cut
from assay_pricing.duplicates import Kernel, effective_count
from assay_pricing.manifest import Manifest
from assay_pricing.methods import Method, RefitMethod
from assay_pricing.records.records import Float64, Records
from assay_pricing.risk import Metric
from assay_pricing.surrogate.task import Context, Sample, stratified_sample

_RESAMPLES = 200
_LEVELS = (0.05, 0.95)


@dataclass(frozen=True)
class Valuation:
    """The value of an offer.

    Attributes:
        set_value: Predicted drop of the risk by all records together.
        gain: The part of it that is paid: without recalibration, above the cut of the control sets.
        interval: 90 % bootstrap interval of ``gain``.
        useful: Number of useful records; near duplicates of each other count as one.
    """

    set_value: float = 0.0
    gain: float = 0.0
    interval: tuple[float, float] = (0.0, 0.0)
    useful: int = 0


def value_offer(
    method: Method, manifest: Manifest, offer: Records, record_values: Float64, context: Records, sold: Records
) -> Valuation:
    """Values an offer without exact duplicates.

    Args:
        method: The fitted method.
        manifest: Of its price function.
        offer: Records (n).
        record_values: Value of each record on its own (n,).
        context: Records of the seller's other offers.
        sold: Records that other sellers sold to the owner.
    """
    threshold = cut(manifest.controls, offer.n)
    if not isinstance(method, RefitMethod):
        set_value = method.set_value(offer) * method.value_unit
        gain = set_value - threshold
        return Valuation(set_value, gain, (gain, gain), int((record_values > 0).sum()))
    metric, base = method.context.metric, method.context.base
    kernel = Kernel(manifest.near_radius, classes=manifest.schema_.task == "classification")
    offered = method.context.encode(offer)
    others = joint_records(method.context, kernel, offered, context, sold, manifest.seed)
    together = others.join(offered)
    weights_with = together.weight * kernel.weights(together, base)
    weights_without = torch.cat([others.weight * kernel.weights(others, base), torch.zeros_like(offered.weight)])
    outputs_before, outputs_after = method.refit_outputs(together, torch.stack([weights_without, weights_with]))
    risk_before, risk_after = metric.risk(outputs_before), metric.risk(outputs_after)
    earned = metric.earned(outputs_before, outputs_after)
    low, high = bootstrap_interval(metric, *earned, manifest.seed)
    counted = np.concatenate([np.ones(len(others)), record_values > 0])
    added = np.asarray((weights_with - weights_without).numpy())
    return Valuation(
        set_value=risk_before - risk_after,
        gain=metric.drop(*earned) - threshold,
        interval=(low - threshold, high - threshold),
        useful=effective_count(added * counted),
    )


def base_risk(method: Method) -> float:
    """Risk of the surrogate before any offer; 0 for a method without a surrogate to refit."""
    if not isinstance(method, RefitMethod):
        return 0.0
    nothing = method.context.base.take(np.arange(0))
    return method.context.metric.risk(method.refit_outputs(nothing, torch.zeros((1, 0), dtype=torch.float64))[0])


def joint_records(
    context: Context, kernel: Kernel, offer: Sample, context_offers: Records, sold: Records, seed: int
) -> Sample:
    """The records that an offer is priced together with.

    All records that the offer copies, from either source, because a copy adds nothing. Of the seller's other records
    also a sample of at most ``MAX_BASE``. Of what others sold nothing else: new data keeps its price.
    """
    copied = kernel.is_copied(context.encode(context_offers), offer).numpy()
    copied_sold = kernel.is_copied(context.encode(sold), offer).numpy()
    parts = (
        context.encode(context_offers.take(copied)),
        stratified_sample(context_offers.take(~copied), context.encoder, np.random.default_rng(seed)),
        context.encode(sold.take(copied_sold)),
    )
    return reduce(Sample.join, parts)


def bootstrap_interval(metric: Metric, before: Float64, after: Float64, seed: int) -> tuple[float, float]:
    """90 % interval of the drop of the risk over the validation records: Efron's percentile bootstrap (1979)."""
    rng = np.random.default_rng(seed)
    v = len(metric.y)
    drops = []
    for _ in range(_RESAMPLES):
        counts = np.bincount(rng.integers(v, size=v), minlength=v).astype(np.float64)
        drops.append(metric.drop(before, after, counts))
    low, high = np.quantile(drops, _LEVELS)
    return float(low), float(high)
