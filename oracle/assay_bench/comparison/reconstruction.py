"""How good reconstructions of a seller's records are, and the columns that follow from what a buyer holds."""

import numpy as np

from assay_bench.comparison.figures import DataLeakage, Figure, measured
from assay_bench.comparison.trade import Trade
from assay_bench.figures import Floats

NEAR_DB = 20.0
"""A record is recovered where its reconstruction has this peak signal-to-noise ratio: a mean error of a tenth."""
MOST_DB = 100.0
"""Of an exact reconstruction, whose ratio is infinite."""


def psnr(records: Floats, guesses: Floats) -> Floats:
    """Peak signal-to-noise ratio of each record's best guess, in dB, at most 100.

    Args:
        records: Features in 0..1, (n, d).
        guesses: Reconstructions in any order, (m, d), m at least 1.

    Returns:
        ``-10 log10`` of the mean squared error between a record and the guess nearest to it, (n,).
    """
    errors = ((records[:, None, :] - np.clip(guesses, 0, 1)[None, :, :]) ** 2).mean(2).min(1)
    return np.asarray(np.minimum(-10 * np.log10(np.maximum(errors, 1e-12)), MOST_DB))


def guess_psnr(trade: Trade) -> float:
    """What the mean public record reaches for every record: what a buyer has that received nothing, in dB."""
    return float(psnr(trade.useful.x, trade.public.x.mean(0, keepdims=True)).mean())


def leakage(
    trade: Trade, received: str, guesses: Floats | None, membership: Figure, *, kept: float, third_party: float
) -> DataLeakage:
    """The column from the buyer's reconstructions.

    Args:
        trade: The trade.
        received: What reaches the buyer before payment, in words.
        guesses: Reconstructions of the useful seller's records, (m, d); None for the mean public record alone.
        membership: ROC AUC of the best membership inference.
        kept: Share of the useful records that the buyer holds in whole when the sale has fallen through.
        third_party: Share of the useful records that somebody else sees.
    """
    ratios = psnr(trade.useful.x, trade.public.x.mean(0, keepdims=True) if guesses is None else guesses)
    return DataLeakage(
        received=received,
        recovered=measured((ratios >= NEAR_DB).mean()),
        psnr=measured(ratios.mean()),
        membership=membership,
        kept=measured(kept),
        third_party=measured(third_party),
    )
