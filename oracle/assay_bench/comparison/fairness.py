"""Fairness of prices: their agreement with true gains, and what cheats walk away with."""

import numpy as np

from assay_bench.comparison.figures import Fairness, Figure, measured, undefined
from assay_bench.comparison.trade import SELLERS, USEFUL, USELESS, Trade
from assay_bench.figures import line, payment_share, spearman
from assay_bench.pricing.data.dataset import Dataset
from assay_bench.pricing.truth.nets import Nets

NO_PRICE = "the approach sets no price"
NOTHING_PAID = "the useful seller is paid nothing"


def fairness_of(
    trade: Trade,
    prices: dict[str, float] | None,
    *,
    cheating_buyer: Figure,
    in_nats: bool = True,
    switch: float | None = None,
) -> Fairness:
    """The column from the prices of the sellers. Negative prices and gains count as 0: nobody pays for harm.

    Args:
        trade: The trade.
        prices: Price of every seller; None where the approach sets no price.
        cheating_buyer: What a buyer that never pays keeps: see ``kept_by_model`` and ``kept_by_data``.
        in_nats: The prices predict gains in nats; otherwise they are scores without a unit, and have no slope.
        switch: What a seller is paid that has the useful data priced and delivers nothing of use, over their price;
            None where the approach holds a seller to the data that were priced.
    """
    if prices is None:
        none = undefined(NO_PRICE)
        return Fairness(rank=none, slope=none, to_useless=none, cheating_buyer=cheating_buyer, cheating_seller=none)
    paid = np.array([max(prices[name], 0.0) for name in SELLERS])
    gains = np.array([max(trade.gains.test[name], 0.0) for name in SELLERS])
    useless = np.isin(SELLERS, USELESS)
    slope = line(gains, paid)[0]
    return Fairness(
        rank=measured(spearman(paid, gains)),
        slope=measured(slope) if in_nats and slope is not None else undefined("the score has no unit of gain"),
        to_useless=measured(payment_share(paid, useless)) if paid.sum() > 0 else undefined("nothing is paid"),
        cheating_buyer=cheating_buyer,
        cheating_seller=_best_cheat(paid, useless, switch),
    )


def _best_cheat(paid: np.ndarray, useless: np.ndarray, switch: float | None) -> Figure:  # type: ignore[type-arg]
    honest = float(paid[SELLERS.index(USEFUL)])
    if honest <= 0:
        return undefined(NOTHING_PAID)
    return measured(max(float(paid[useless].max()) / honest, switch or 0.0))


def kept_by_model(trade: Trade, model: Nets) -> Figure:
    """What a buyer keeps that holds another model for nothing: its true gain, in that of the useful data."""
    gain = trade.gain_of(trade.train(trade.useful))
    if gain <= 0:
        return undefined("the useful data bring nothing in this draw")
    return measured(max(trade.gain_of(model), 0.0) / gain)


def kept_by_data(trade: Trade, data: Dataset) -> Figure:
    """What a buyer keeps that holds these data for nothing: the true gain of training with them."""
    return kept_by_model(trade, trade.train(data))
