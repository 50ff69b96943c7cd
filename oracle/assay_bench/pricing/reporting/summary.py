"""From kept results to figures: per method, data set, setting and seed; the real cases; and the summary."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from assay_bench.figures import auc, money_to, spearman
from assay_bench.pricing.cases import CASES
from assay_bench.pricing.cases.case import FEW, FEW_COPIED, MISLABELLED, NEW, OWN_COPY
from assay_bench.pricing.data.dataset import Floats
from assay_bench.pricing.data.parties import FRESH, JUNK, SETTINGS, UNPAID
from assay_bench.pricing.run import Kept
from assay_bench.pricing.scorers.baselines import BASELINES
from assay_bench.pricing.truth.gains import reliability
from assay_bench.pricing.units import Unit
from assay_pricing import methods

Figures = dict[str, Any]
REFERENCE = "digits"
"""The table that the goals are about."""
GOALS: dict[str, tuple[str, float]] = {
    "batch_rho_v_shift": (">=", 0.94),
    "batch_rho_v_iid": (">=", 0.95),
    "batch_rho_t_share": (">=", 0.95),
    "label_only_batch_rho_v": (">=", 0.85),
    "point_rho_v_shift": (">=", 0.78),
    "point_rho_v_iid": (">=", 0.67),
    "junk_auc": (">=", 0.95),
    "money_to_junk_shift": ("<=", 0.05),
    "money_to_junk_iid": ("<=", 0.15),
    "copy_gain_exact": ("<=", 1.0),
    "copy_gain_near": ("<=", 1.2),
    "purchase_gain_100": (">=", 0.085),
    "seconds_1000_points": ("<=", 1.0),
    "price_to_training": ("<=", 1 / 3),
    "adversarial_overpay": ("<=", 1.2),
    "speedup_vs_pydvl": (">=", 10.0),
    "speedup_vs_dattri": (">=", 10.0),
}
LABEL_ONLY = f"{methods.DEFAULT}, labels alone"
"""How the default method is called where the model gives labels alone."""
_EQUAL_RHO = 0.02
_ROUNDING = 1e-9


class Results:
    """Kept results of a plan, found by unit."""

    def __init__(self, units: Iterable[Unit], kept: Kept) -> None:
        self.of = {unit: result for unit in units if (result := kept.read(unit)) is not None}

    def each(self, part: str, **fields: Any) -> list[tuple[Unit, Figures]]:
        """Results of one part whose units have the given fields, in order."""
        wanted = {"part": part, **fields}
        return [
            (unit, result)
            for unit, result in sorted(self.of.items(), key=lambda item: item[0])
            if all(getattr(unit, name) == value for name, value in wanted.items())
        ]


def by_method(results: Results) -> list[Figures]:
    """Figures per data set, setting, seed and scorer (method, baseline or rival), where the truth is known."""
    truths = {(u.data, u.setting, u.seed): r for u, r in results.each("truth")}
    rows = []
    for part in ("method", "labels", "baseline", "rival"):
        for unit, result in results.each(part):
            truth = truths.get((unit.data, unit.setting, unit.seed))
            if truth is None or "missing" in result:
                continue
            name = LABEL_ONLY if part == "labels" else unit.name
            where = {"kind": part, "name": name, "data": unit.data, "setting": unit.setting, "seed": unit.seed}
            rows.append(where | _scores(truth, result))
    return rows


def _scores(truth: Figures, result: Figures) -> Figures:
    points, kinds = np.array(result["points"]), np.array(truth["kinds"])
    paid, gate = (np.array(result.get(part, result["points"])) for part in ("paid_points", "gate"))
    validation, test = np.array(truth["validation"]), np.array(truth["test"])
    fresh, junk, unpaid = kinds == FRESH, np.isin(kinds, JUNK), np.isin(kinds, UNPAID)
    row: Figures = {
        "point_rho_update": spearman(points, np.array(truth["update"])),
        "point_rho_v": spearman(points, validation),
        "point_rho_t": spearman(points, test),
        "clean_point_rho_v": spearman(points[fresh], validation[fresh]),
        "clean_point_rho_t": spearman(points[fresh], test[fresh]),
        "junk_auc": auc(gate, fresh, junk),
        "money_to_junk": money_to(paid, unpaid),
        "batch_rho_v": None,
        "batch_rho_t": None,
    }
    if result["sets"] is not None:
        sets = np.array(result["sets"])
        row["batch_rho_v"] = spearman(sets, np.array(truth["sets_validation"]).mean(1))
        row["batch_rho_t"] = spearman(sets, np.array(truth["sets_test"]).mean(1))
    for name in ("seconds_fit", "seconds_points", "seconds_set", "fidelity", "refused", "label_only"):
        row[name] = result.get(name)
    return row


def truths(results: Results) -> list[Figures]:
    """Reliability and ceilings, per data set, setting and seed."""
    rows = []
    for unit, truth in results.each("truth"):
        validation, test = np.array(truth["validation"]), np.array(truth["test"])
        fresh = np.array(truth["kinds"]) == FRESH
        sets_v, sets_t = np.array(truth["sets_validation"]), np.array(truth["sets_test"])
        rows.append(
            {
                "data": unit.data,
                "setting": unit.setting,
                "seed": unit.seed,
                "accuracy": truth["accuracy"],
                "test_loss": truth["test_loss"],
                "point_ceiling": spearman(validation, test),
                "clean_point_ceiling": spearman(validation[fresh], test[fresh]),
                "batch_reliability": reliability(sets_v),
                "batch_ceiling": spearman(sets_v.mean(1), sets_t.mean(1)),
                "seconds_points": truth["seconds_points"],
                "seconds_sets": truth["seconds_sets"],
            }
        )
    return rows


def cases(results: Results) -> Figures:
    """Per real case: each seed's sellers with price and true gain, rank agreement, and the orderings that must hold."""
    told: Figures = {}
    for name, letter in CASES.items():
        runs = [{"seed": unit.seed, **result} for unit, result in results.each("case", data=name)]
        for one in runs:
            one["spearman"], one["orderings"] = _judged(one["sellers"])
        if not runs:
            continue
        kinds = list(runs[0]["sellers"])
        means = {
            kind: {
                part: float(np.mean([one["sellers"][kind][part] for one in runs]))
                for part in ("price", "set_value", "gain")
            }
            for kind in kinds
        }
        rho, orderings = _judged(means)
        told[letter] = {
            "name": name,
            "sellers": means,
            "spearman": float(np.mean([one["spearman"] for one in runs])),
            "spearman_of_means": rho,
            "orderings": orderings,
            "held": {rule: sum(one["orderings"][rule] for one in runs) / len(runs) for rule in orderings},
            "fidelity": float(np.mean([one["fidelity"] for one in runs])),
            "seeds": runs,
        }
    return told


def _judged(sellers: Figures) -> tuple[float, dict[str, bool]]:
    """Rank correlation of price and true gain over sellers, and which of the case's orderings hold.

    Harmful sellers tie at a gain of zero: at price zero nothing is bought of them, and no price is lower.
    """
    price = {kind: float(row["price"]) for kind, row in sellers.items()}
    gain = {kind: max(float(row["gain"]), 0.0) for kind, row in sellers.items()}
    best = max(price.values())
    worth_most = max(gain, key=lambda kind: gain[kind])
    orderings = {
        "best_first": price[worth_most] == best and best > 0,
        "own_copy_at_most_5_percent": price[OWN_COPY] <= 0.05 * best,
        "mislabelled_below_clean": price[MISLABELLED] < price[NEW],
        "copied_at_most_1.1_of_few": price[FEW_COPIED] <= 1.1 * price[FEW],
    }
    return spearman(np.array(list(price.values())), np.array(list(gain.values()))), orderings


def summary(results: Results, rows: Sequence[Figures]) -> dict[str, float | None]:
    """Means over seeds for the default method, by the names of ``GOALS``; None where a part was not run."""
    default = [r for r in rows if r["kind"] == "method" and r["data"] == REFERENCE and r["name"] == methods.DEFAULT]
    labels = [r for r in rows if r["kind"] == "labels" and r["data"] == REFERENCE]
    ceilings = {(r["setting"], r["seed"]): r["batch_ceiling"] for r in truths(results) if r["data"] == REFERENCE}
    told: dict[str, float | None] = dict.fromkeys(GOALS)
    for setting in SETTINGS:
        here = [r for r in default if r["setting"] == setting]
        told[f"batch_rho_v_{setting}"] = _mean(r["batch_rho_v"] for r in here)
        told[f"point_rho_v_{setting}"] = _mean(r["point_rho_v"] for r in here)
        told[f"money_to_junk_{setting}"] = _mean(r["money_to_junk"] for r in here)
    told["batch_rho_t_share"] = _mean(r["batch_rho_t"] / ceilings[r["setting"], r["seed"]] for r in default)
    told["label_only_batch_rho_v"] = _mean(r["batch_rho_v"] for r in labels)
    told["junk_auc"] = _mean(r["junk_auc"] for r in default)
    copies = [result for _, result in results.each("copies", name=methods.DEFAULT)]
    for which in ("exact", "near"):
        told[f"copy_gain_{which}"] = _ratio(copies, which, "one")
    told["purchase_gain_100"] = _purchase_gain(results, 100)
    speed = [result for _, result in results.each("speed")]
    told["seconds_1000_points"] = _mean(r["seconds"] for r in speed)
    told["price_to_training"] = _mean(r["seconds"] / r["training"] for r in speed)
    overpay = overpayment(results)
    told["adversarial_overpay"] = max(overpay.values()) if overpay else None
    for rival in ("pydvl", "dattri"):
        told[f"speedup_vs_{rival}"] = speedup(rows, rival)
    return told


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def _ratio(results: Sequence[Figures], above: str, below: str) -> float | None:
    """Sum over sum, each never less than nothing: a ratio of single small numbers would be noise."""
    top, bottom = (float(sum(np.clip(r[part], 0, None).sum() for r in results)) for part in (above, below))
    return top / bottom if bottom > 0 else None


def _purchase_gain(results: Results, budget: int) -> float | None:
    bought = {(u.seed, u.name): r[str(budget)] for u, r in results.each("purchase")}
    seeds = [s for s, name in bought if name == methods.DEFAULT and (s, "random") in bought]
    return _mean(bought[s, methods.DEFAULT] - bought[s, "random"] for s in seeds)


def overpayment(results: Results) -> dict[str, float]:
    """Price over true gain by attack, where honest fresh sets have 1: sums over sets and seeds.

    Args:
        results: With the ``attacks`` parts; empty without them.
    """
    runs = [result for _, result in results.each("attacks")]
    if not runs:
        return {}

    def total(kind: str, part: str) -> float:
        return float(sum(np.clip(run[kind][part], 0, None).sum() for run in runs))

    rate = total("honest", "paid") / total("honest", "validation")
    told = {}
    for kind in ("crafted", "outliers", "split"):
        paid, gain = total(kind, "paid"), total(kind, "validation")
        told[kind] = paid / (rate * gain) if rate * gain > _ROUNDING else (0.0 if paid <= _ROUNDING else float("inf"))
    return told


def speedup(rows: Sequence[Figures], rival: str) -> float | None:
    """How much faster our quickest method scores the same offer whose rho is not below the rival's.

    Preparation, which is once per model, is left out on both sides: a market prices many offers against one model.
    """
    here = [r for r in rows if r["data"] == REFERENCE]
    theirs = [r for r in here if r["name"] == rival and r["kind"] == "rival"]
    if not theirs:
        return None
    rho = _mean(r["point_rho_v"] for r in theirs) or 0.0
    seconds = _mean(r["seconds_points"] for r in theirs) or 0.0
    fastest = None
    for name in {r["name"] for r in here if r["kind"] == "method"}:
        ours = [r for r in here if r["name"] == name]
        if (_mean(r["point_rho_v"] for r in ours) or 0.0) >= rho - _EQUAL_RHO:
            mine = _mean(r["seconds_points"] for r in ours) or 0.0
            fastest = mine if fastest is None else min(fastest, mine)
    return seconds / fastest if fastest else None


def met(name: str, value: float | None) -> bool | None:
    """Whether a figure reaches its goal; None where it is not known."""
    if value is None:
        return None
    sign, goal = GOALS[name]
    return value >= goal - _ROUNDING if sign == ">=" else value <= goal + _ROUNDING


def purchases(results: Results) -> list[Figures]:
    """Accuracy after each purchase, per seed and scorer."""
    return [{"seed": u.seed, "name": u.name, **r} for u, r in results.each("purchase")]


def everything(results: Results) -> Figures:
    """All that ``out/pricing.json`` has."""
    rows = by_method(results)
    known = summary(results, rows)
    return {
        "default": methods.DEFAULT,
        "label_only": LABEL_ONLY,
        "summary": known,
        "goals": {
            name: {"sign": sign, "goal": goal, "met": met(name, known[name])} for name, (sign, goal) in GOALS.items()
        },
        "truth": truths(results),
        "methods": rows,
        "purchases": purchases(results),
        "copies": [{"data": u.data, "setting": u.setting, "seed": u.seed, **r} for u, r in results.each("copies")],
        "attacks": overpayment(results),
        "speed": [{"seed": u.seed, **r} for u, r in results.each("speed")],
        "cases": cases(results),
        "baselines": sorted(BASELINES),
    }


def spread(values: Iterable[float | None]) -> tuple[Floats, float, float]:
    """Known values, their mean, and its standard error."""
    known = np.array([value for value in values if value is not None], dtype=np.float64)
    if not len(known):
        return known, float("nan"), float("nan")
    return known, float(known.mean()), float(known.std(ddof=1) / np.sqrt(len(known))) if len(known) > 1 else 0.0
