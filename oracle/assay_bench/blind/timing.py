"""What the time of an answer tells of the owner's integers."""

import secrets
import time
from dataclasses import dataclass, replace

import numpy as np

from assay_bench.figures import Floats
from assay_pricing.blind.evaluator import BlindEvaluator, digest
from assay_pricing.blind.form import Integers, SecretForm
from assay_pricing.blind.seller import BlindSeller


@dataclass(frozen=True)
class Timed:
    """Times of the oracle's three answers under two sets of integers, in turns.

    Attributes:
        one: Median seconds under the first.
        other: Median seconds under the second.
        t: Welch's t statistic of the two: beyond 4.5 they are told apart (Reparaz et al. 2017).
    """

    one: float
    other: float
    t: float


def timed(one: SecretForm, other: SecretForm, sums: tuple[Integers, Integers], rounds: int) -> Timed:
    """Times both ``rounds`` times, in random order, on fresh ciphertexts of the same sums."""
    rng = np.random.default_rng(0)
    times: tuple[list[float], list[float]] = ([], [])
    for which in rng.permutation(np.arange(2 * rounds + 2) % 2).tolist():
        times[which].append(_seconds((one, other)[which], sums))
    first, second = (np.array(found[1:]) for found in times)  # the first of each also fills caches
    return Timed(float(np.median(first)), float(np.median(second)), _welch(first, second))


def without_rows(form: SecretForm) -> SecretForm:
    """The integers with zeros in half of the rows of P and H, and in these rows and columns of K."""
    kept = np.arange(form.shape.features) % 2
    return replace(
        form,
        weights=form.weights * kept[:, None],
        linear=form.linear * kept[:, None],
        quadratic=form.quadratic * np.outer(kept, kept),
    )


def _seconds(form: SecretForm, sums: tuple[Integers, Integers]) -> float:
    context = secrets.token_bytes(32)
    seller, oracle = BlindSeller(form.shape, context, secrets.token_bytes), BlindEvaluator(form, context, bytes(32))
    first = seller.first(*sums)
    start = time.perf_counter()
    answer = oracle.first(first)
    spent = time.perf_counter() - start
    second = seller.second(answer)
    start = time.perf_counter()
    last = oracle.second(digest(first), second)
    spent += time.perf_counter() - start
    values = seller.values(last)
    start = time.perf_counter()
    oracle.doubled_price(digest(first), digest(second), values)
    return spent + time.perf_counter() - start


def _welch(a: Floats, b: Floats) -> float:
    return float((a.mean() - b.mean()) / np.sqrt(a.var(ddof=1) / len(a) + b.var(ddof=1) / len(b)))
