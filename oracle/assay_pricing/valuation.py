"""The value of an offer as a set: the drop of the owner's risk that it adds to what the owner has or is offered."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial, reduce

import numpy as np
import torch
from torch import Tensor

from assay_pricing.controls import cut
from assay_pricing.duplicates import Kernel, effective_count
from assay_pricing.learners.threads import Once
from assay_pricing.manifest import Manifest
from assay_pricing.methods import Method, RefitMethod
from assay_pricing.offers.partitions import LOCAL, Pool, Values, Whole
from assay_pricing.offers.representation import represent
from assay_pricing.offers.subsets import Subsets
from assay_pricing.records.records import Float64, Int64, Records, Selection
from assay_pricing.risk import Bools, Metric
from assay_pricing.surrogate.task import Context, Sample, stratified_sample

_RESAMPLES = 200
_MAX_KEPT = 4096
"""Validation records up to which bootstrap samples stay in memory, of 8 bytes for each record and sample."""
_COMPARED = 1024
_LEVELS = (0.05, 0.95)
_SHRINKAGE = 0.5
"""Standard errors of a gain below which nothing of it is paid."""
_SELECTION = 1.0
"""Those of what a subset gains more than the whole set: it is the best of several, so that chance favours it."""
_UNSTABLE = 2.0
"""How many times the instability of the surrogate a gain is, below which nothing of it is paid.

Single records move a retrained learner about as far as large sets do, so that a seller of many could live on chance.
"""


@dataclass(frozen=True)
class Valuation:
    """The value of an offer.

    Attributes:
        set_value: Predicted drop of the risk by the records that are priced, together.
        gain: The part of it that is paid. Of a surrogate that retrains as the model does: the drop, shrunk by its
            standard error. Of others: the drop without recalibration, above the cut of the control sets.
        interval: 90 % bootstrap interval of ``gain``.
        error: Standard error of ``set_value`` over the validation records, by the bootstrap.
        distinct: Number of records that are priced; near duplicates of each other count as one.
        excluded: Whether each record (n) was left out because the set is worth more without it; empty if none was.
    """

    set_value: float = 0.0
    gain: float = 0.0
    interval: tuple[float, float] = (0.0, 0.0)
    error: float = 0.0
    distinct: int = 0
    excluded: tuple[bool, ...] = ()


def value_offer(
    method: Method,
    manifest: Manifest,
    offer: Records | Selection,
    record_values: Callable[[], Float64],
    context: Records,
    sold: Records,
    pool: Pool = LOCAL,
    by_halves: Callable[[Int64], Float64] | None = None,
) -> Valuation:
    """Values an offer without exact duplicates.

    Args:
        method: The fitted method.
        manifest: Of its price function.
        offer: Records (n); of many the first ones of each class stand for all, see ``representation``.
        record_values: Returns the value of each record on its own (n,), if that is asked for.
        context: Records of the seller's other offers.
        sold: Records that other sellers sold to the owner.
        pool: Where parts of the offer are worked on.
        by_halves: Returns the value of each record at some rows (m,) by each half of the validation records (2, m).

    Returns:
        Its value, in the size of true gains as far as the fit has measured that: see ``Backtest.divisor``.
    """
    found = _valued(method, manifest, offer, record_values, context, sold, pool, by_halves)
    divisor = manifest.backtest.divisor if manifest.backtest else 1.0
    if isinstance(method, RefitMethod):
        divisor /= method.scale
    low, high = found.interval
    return replace(
        found,
        set_value=found.set_value / divisor,
        gain=found.gain / divisor,
        interval=(low / divisor, high / divisor),
        error=found.error / divisor,
    )


def _valued(
    method: Method,
    manifest: Manifest,
    offer: Records | Selection,
    record_values: Callable[[], Float64],
    context: Records,
    sold: Records,
    pool: Pool,
    by_halves: Callable[[Int64], Float64] | None,
) -> Valuation:
    """The value in the size that the method gives it; see ``value_offer``."""
    threshold = cut(manifest.controls, offer.n)
    if not isinstance(method, RefitMethod):
        set_value = method.added_value(offer.take(np.arange(offer.n)), context) * method.value_unit
        gain = set_value - threshold
        return Valuation(set_value, gain, (gain, gain), distinct=int((record_values() > 0).sum()))
    method, metric = method.trained_by(pool.train), method.context.metric
    kernel, near = Kernel(manifest.near_radius), Kernel(method.copy_share * manifest.near_radius)
    chosen, stand_for = represent(offer)
    everyone = Whole(offer, method.context.encoder, pool)
    offered = replace(method.context.encode(offer.take(chosen)), weight=torch.from_numpy(stand_for))
    others = joint_records(method.context, kernel, everyone, context, sold, manifest.seed)
    together = others.join(offered)

    without, whole = _shares(near, kernel, others, offered, everyone, method.context.base)
    unseen = _unseen(near.closest(together, method.context.validation), manifest.coincidence)
    without, whole = without * unseen, whole * unseen

    def weights(rows: Bools) -> Tensor:
        """Weight of each record where the others and ``rows`` (m,) of the offer's are learned."""
        return whole * torch.from_numpy(np.concatenate([np.ones(len(others), dtype=bool), rows]))

    def learned(*subsets: Bools) -> Float64:
        """Outputs (e, v, k) after learning each of e subsets."""
        return method.refit_outputs(together, torch.stack([weights(rows) for rows in subsets]))

    both = Once(lambda: method.refit_outputs(together, torch.stack([without, whole])))
    subsets, after, best = [np.ones(len(chosen), dtype=bool)], [], 0
    if method.prices_subsets:
        by_halves = by_halves or Values(method, offer, pool).by_halves
        search = Subsets(
            method,
            offered,
            record_values=lambda: record_values()[chosen],
            values_by_halves=partial(by_halves, chosen),
            whole=lambda: both()[1],
            learned=learned,
            pool=pool,
        )
        for rows, outputs in search.found():
            subsets.append(rows)
            after.append(outputs)
    before, outputs = both()
    after.insert(0, outputs)
    if method.retrains:
        best, gain, interval = best_subset(
            metric, before, after, manifest.seed, own=method.own_choice(), instability=manifest.instability
        )
    else:
        earned = metric.earned(before, outputs)
        low, high = bootstrap_interval(metric, *earned, manifest.seed)
        gain, interval = metric.drop(*earned) - threshold, (low - threshold, high - threshold)
    added = np.asarray((weights(subsets[best]) - without).numpy())
    return Valuation(
        set_value=metric.drop(before, after[best]),
        gain=gain,
        interval=interval,
        error=float(resampled_drops(metric, before, after[best], manifest.seed).std()),
        distinct=effective_count(added),
        excluded=_at(chosen, ~subsets[best], offer.n) if best else (),
    )


def _at(rows: Int64, values: Bools, n: int) -> tuple[bool, ...]:
    """The values at rows, in n places; False at others."""
    found = np.zeros(n, dtype=bool)
    found[rows] = values
    return tuple(found.tolist())


def _unseen(copied: Tensor, coincidence: float) -> Tensor:
    """Factor of each record's weight (n,): 0 for a copy of a validation record, where there are more than by chance.

    A surrogate that has learned a validation record knows its label, so that the record no longer tells what an offer
    brings. But records of few values coincide: as many copies as among the owner's own, by two standard deviations of a
    Poisson distribution, are left.

    Args:
        copied: Similarity of each record to the most similar validation record (n,).
        coincidence: See ``coincidence``.
    """
    expected = coincidence * len(copied)
    return 1 - copied if float(copied.sum()) > expected + 2 * expected**0.5 else torch.ones_like(copied)


def coincidence(method: Method, near_radius: float) -> float:
    """Share of the owner's records that are near copies of a validation record; by at most 1,024 of them."""
    if not isinstance(method, RefitMethod):
        return 0.0
    base = method.context.base
    rows = np.arange(0, len(base), -(-len(base) // _COMPARED) or 1)
    copied = Kernel(method.copy_share * near_radius).closest(base.take(rows), method.context.validation)
    return float(copied.mean()) if len(rows) else 0.0


def _shares(
    kernel: Kernel, of_others: Kernel, others: Sample, offer: Sample, everyone: Whole, base: Sample
) -> tuple[Tensor, Tensor]:
    """Weights of the others and of the offer's records, before these are learned, and when they are (m,) each.

    Args:
        kernel: By which records of the offer are copies of each other and of the base.
        of_others: By which records of the offer are copies of the others.
        others: Records that the offer is priced together with.
        offer: Records of the offer that stand for it.
        everyone: The whole offer.
        base: The owner's records.
    """
    alone = kernel.density(others, others) + kernel.density(others, base)
    offered = everyone.density(kernel, offer) + kernel.density(offer, base) + of_others.density(offer, others)
    without = torch.cat([others.weight / alone.clamp(min=1), torch.zeros_like(offer.weight)])
    together = torch.cat([alone + everyone.density(of_others, others), offered])
    return without, others.join(offer).weight / together.clamp(min=1)


def best_subset(
    metric: Metric,
    before: Float64,
    after: Sequence[Float64],
    seed: int,
    *,
    own: float = 0.0,
    instability: float = 0.0,
) -> tuple[int, float, tuple[float, float]]:
    """Which of several subsets is priced, the gain that is paid, and its 90 % bootstrap interval.

    The first subset is the whole set. What another one gains more is shrunk by its standard error, added to the whole
    set's gain, and the sum is shrunk by the standard error of the other's gain. The surrogate's instability adds to
    both errors. So no draw of the validation records decides between two subsets by a step, and the best of several
    chances is not paid as if it were the only one. Where no subset is paid, the whole set is what was priced.

    Args:
        metric: The risk.
        before: Outputs on the validation records before the offer.
        after: Those after learning each subset.
        seed: Of the bootstrap samples.
        own: What the owner gains by choosing among her own records by the same rules. It needs no offer, so that a
            subset is not paid for it.
        instability: Of the surrogate, see ``controls.instability``.
    """
    drops = np.array([metric.drop(before, outputs) for outputs in after])
    resampled = np.array([resampled_drops(metric, before, outputs, seed) for outputs in after])  # (subsets, samples)
    chosen = _SELECTION * np.hypot((resampled - resampled[0]).std(1), instability)
    more = [0.0, *(shrunk(drop - drops[0] - own, doubt) for drop, doubt in zip(drops[1:], chosen[1:], strict=True))]
    doubts = np.hypot(_SHRINKAGE * resampled.std(1), _UNSTABLE * instability)
    best = int(np.argmax(more))
    if shrunk(drops[0] + more[best], doubts[best]) <= 0:
        best = 0
    value = float(drops[0] + more[best])
    gain = shrunk(value, float(doubts[best]))
    low, high = np.quantile(resampled[best], _LEVELS) + value - drops[best]
    share = gain / value if value > 0 else 1.0
    return best, gain, (float(low) * share, float(high) * share)


def shrunk(gain: float, doubt: float) -> float:
    """A gain less what chance explains of it: the positive part of the estimator of James and Stein (1961).

    Of many times the doubt it is left as it is, nearly; of less than the doubt nothing is.
    """
    return gain * max(0.0, 1 - (doubt / gain) ** 2) if gain > 0 else gain


def base_risk(method: Method) -> float:
    """Risk of the surrogate before any offer; 0 for a method without a surrogate to refit."""
    if not isinstance(method, RefitMethod):
        return 0.0
    nothing = method.context.base.take(np.arange(0))
    return method.context.metric.risk(method.refit_outputs(nothing, torch.zeros((1, 0), dtype=torch.float64))[0])


def joint_records(
    context: Context, kernel: Kernel, offer: Whole, context_offers: Records, sold: Records, seed: int
) -> Sample:
    """The records that an offer is priced together with.

    All records that the offer copies, from either source, because a copy adds nothing. Of the seller's other records
    also a sample of at most ``MAX_BASE``. Of what others sold nothing else: new data keeps its price.
    """
    copied = offer.copies(kernel, context.encode(context_offers)).numpy()
    copied_sold = offer.copies(kernel, context.encode(sold)).numpy()
    parts = (
        context.encode(context_offers.take(copied)),
        stratified_sample(context_offers.take(~copied), context.encoder, np.random.default_rng(seed)),
        context.encode(sold.take(copied_sold)),
    )
    return reduce(Sample.join, parts)


def bootstrap_interval(metric: Metric, before: Float64, after: Float64, seed: int) -> tuple[float, float]:
    """90 % interval of the drop of the risk over the validation records: Efron's percentile bootstrap (1979)."""
    low, high = np.quantile(resampled_drops(metric, before, after, seed), _LEVELS)
    return float(low), float(high)


def resampled_drops(metric: Metric, before: Float64, after: Float64, seed: int) -> Float64:
    """Drops of the risk on bootstrap samples of the validation records; one seed gives the same samples."""
    v = len(metric.y)
    return metric.drops(before, after, _kept_samples(v, seed) if v <= _MAX_KEPT else _samples(v, seed))


def _samples(v: int, seed: int) -> Iterator[Float64]:
    """How often each of v records is in each bootstrap sample (v,)."""
    rng = np.random.default_rng(seed)
    return (np.bincount(rng.integers(v, size=v), minlength=v).astype(np.float64) for _ in range(_RESAMPLES))


@lru_cache(maxsize=2)
def _kept_samples(v: int, seed: int) -> Float64:
    """All samples (s, v): one function has the same ones for every offer."""
    return np.stack(list(_samples(v, seed)))
