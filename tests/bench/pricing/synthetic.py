"""Small synthetic results of every part, with figures that can be computed by hand."""

from assay_bench.pricing.reporting.result_set import ResultSet
from assay_bench.pricing.results import (
    AttackGains,
    AttacksResult,
    CaseResult,
    CopiesResult,
    MethodResult,
    MissingLibrary,
    PurchaseResult,
    Result,
    ScaleResult,
    ScoreResult,
    SellerResult,
    SpeedResult,
    TrueGain,
    TruthResult,
)
from assay_bench.pricing.units import Part, Unit
from assay_pricing import methods

DEFAULT = methods.DEFAULT
KINDS = ("fresh", "fresh", "fresh", "duplicate", "mislabelled", "noise")


def unit(part: Part, name: str = "", *, data: str = "digits", setting: str = "shift", seed: int = 1) -> Unit:
    return Unit(part, data, setting, seed, name)


def truth(**changes: object) -> TruthResult:
    """Six records with gains 6, 5, 4, 1, -1, -2, and four sets with gains 1 to 4, the same on test."""
    sets = tuple((gain, gain, gain, gain) for gain in (1.0, 2.0, 3.0, 4.0))
    values: dict[str, object] = {
        "kinds": KINDS,
        "update": (1.0, 2.0, 3.0, 4.0, 5.0, 6.0),
        "validation": (6.0, 5.0, 4.0, 1.0, -1.0, -2.0),
        "test": (6.0, 5.0, 4.0, 1.0, -1.0, -2.0),
        "sets_validation": sets,
        "sets_test": sets,
        "seconds_points": 2.0,
        "seconds_sets": 3.0,
        "accuracy": 0.75,
        "test_loss": 0.5,
    }
    return TruthResult.model_validate(values | changes)


def scores(points: tuple[float, ...] = (6, 5, 4, 1, -1, -2), **changes: object) -> ScoreResult:
    values: dict[str, object] = {"points": points, "sets": None, "seconds_fit": 0.0, "seconds_points": 10.0}
    return ScoreResult.model_validate(values | changes)


def method(points: tuple[float, ...] = (6, 5, 4, 1, -1, -2), **changes: object) -> MethodResult:
    values: dict[str, object] = {
        "points": points,
        "paid_points": points,
        "gate": points,
        "sets": (1.0, 2.0, 3.0, 4.0),
        "seconds_fit": 1.0,
        "seconds_points": 0.5,
        "seconds_set": 0.1,
        "fidelity": 0.95,
        "refused": False,
        "label_only": False,
    }
    return MethodResult.model_validate(values | changes)


def attack(paid: float, gain: float) -> AttackGains:
    return AttackGains(paid=(paid, 0.0), validation=(gain, -5.0), test=(gain, 0.0))


def attacks() -> AttacksResult:
    """Honest sets are paid 1 for a gain of 2; the attacks are paid 0.75, 1 and 0 of that rate."""
    return AttacksResult(
        honest=attack(1.0, 2.0), crafted=attack(1.5, 4.0), outliers=attack(1.0, 2.0), split=attack(0.0, 0.0)
    )


def purchase(accuracy: float) -> PurchaseResult:
    return PurchaseResult(nothing=0.7, accuracy_100=accuracy, junk_100=0.25, accuracy_300=0.9, junk_300=0.5)


def true_gain(gain: float) -> TrueGain:
    """The same gain on validation and on both halves of the test records, known to 0.01."""
    return TrueGain(gain=gain, gain_error=0.01, gain_halves=(gain, gain), gain_validation=gain)


def seller(price: float, gain: float, **changes: object) -> SellerResult:
    """An offer all of which is priced."""
    values: dict[str, object] = {
        "records": 10,
        "priced": 10,
        "price": int(price * 10**18),
        "set_value": price,
        "seconds": 0.1,
        "whole": true_gain(gain),
        **dict(true_gain(gain)),
    }
    return SellerResult.model_validate(values | changes)


def case(**changes: tuple[float, float]) -> CaseResult:
    """Five sellers, by price and gain, of a price function that is not refused."""
    prices_and_gains = {
        "new_clean": (0.5, 0.6),
        "few": (0.2, 0.2),
        "few_copied": (0.2, 0.1),
        "own_copy": (0.0, -0.1),
        "mislabelled_30": (0.1, -0.2),
    } | changes
    sellers = {name: seller(*both) for name, both in prices_and_gains.items()}
    return CaseResult(
        metric="log_loss",
        fidelity=0.9,
        refused=False,
        tested_rank=0.8,
        tested_slope=1.1,
        seconds_fit=1.0,
        binary_over_graded=0.7,
        sellers=sellers,
    )


def results() -> ResultSet:
    """One result of every part, for one seed; dattri is not installed."""
    found: dict[Unit, Result] = {}
    for setting in ("shift", "iid"):
        found[unit(Part.TRUTH, setting=setting)] = truth()
        found[unit(Part.METHOD, DEFAULT, setting=setting)] = method()
        found[unit(Part.LABELS, DEFAULT, setting=setting)] = method(label_only=True, sets=(1.0, 3.0, 2.0, 4.0))
        found[unit(Part.BASELINE, "random", setting=setting)] = scores((1, 6, 2, 5, 3, 4), sets=(2.0, 1.0, 4.0, 3.0))
        found[unit(Part.LIBRARY, "pydvl", setting=setting)] = scores()
        found[unit(Part.LIBRARY, "dattri", setting=setting)] = MissingLibrary(missing="dattri is not installed")
    return ResultSet(
        found
        | {
            unit(Part.COPIES, DEFAULT): CopiesResult(
                one=(1.0, 3.0, -1.0), exact=(1.0, 3.0, -2.0), near=(2.0, 3.0, 0.0)
            ),
            unit(Part.ATTACKS, DEFAULT): attacks(),
            unit(Part.PURCHASE, DEFAULT, data="mnist_5k"): purchase(0.85),
            unit(Part.PURCHASE, "random", data="mnist_5k"): purchase(0.75),
            unit(Part.SPEED, DEFAULT, data="mnist_5k"): SpeedResult(
                parameters=101_770, seconds=0.5, training=2.0, fit=3.0, refused=False
            ),
            unit(Part.SCALE, DEFAULT, data="large_table", setting="-"): ScaleResult(
                records=100_000, columns=20, seconds_fit=50.0, seconds_start=1.5, seconds_appraise=2.5
            ),
            unit(Part.CASE, DEFAULT, data="news", setting="-"): case(),
        }
    )
