"""What copies are worth, and what attackers are paid."""

from pathlib import Path

import numpy as np

from assay_bench.pricing import attacks
from assay_bench.pricing.data.dataset import Dataset
from assay_bench.pricing.data.parties import FRESH, Parties
from assay_bench.pricing.parts.draw import draw
from assay_bench.pricing.results import AttackGains, AttacksResult, CopiesResult
from assay_bench.pricing.scorers.pricer import Pricer
from assay_bench.pricing.truth import gains
from assay_bench.pricing.units import Unit

_COPIED_RECORDS = 8


def value_of_copies(unit: Unit, packages: Path) -> CopiesResult:
    """Set value of one record and of twenty copies of it, for the fresh records of highest true gain."""
    parties, model = draw(unit, packages)
    pricer = Pricer.fit(parties, model, unit.name)
    gain = gains.record_gains(parties, model).validation
    fresh = np.flatnonzero(parties.kinds == FRESH)
    best = fresh[np.argsort(-gain[fresh])][:_COPIED_RECORDS]
    records = [parties.offer.take([i]) for i in best]
    return CopiesResult(
        one=tuple(pricer.set_value(record) for record in records),
        exact=tuple(pricer.set_value(attacks.copies(record, parties, near=False)) for record in records),
        near=tuple(pricer.set_value(attacks.copies(record, parties, near=True)) for record in records),
    )


def payments_to_attackers(unit: Unit, packages: Path) -> AttacksResult:
    """Payments and true gains of honest sets, and of what an attacker makes of them."""
    parties, model = draw(unit, packages)
    pricer = Pricer.fit(parties, model, unit.name)
    made = attacks.attacks(parties, model)
    return AttacksResult(
        honest=_gains(parties, made.honest, [pricer.paid(offer) for offer in made.honest]),
        crafted=_gains(parties, made.crafted, [pricer.paid(offer) for offer in made.crafted]),
        outliers=_gains(parties, made.outliers, [pricer.paid(offer) for offer in made.outliers]),
        split=_gains(parties, made.split, [_paid_one_by_one(pricer, offer) for offer in made.split]),
    )


def _gains(parties: Parties, offers: tuple[Dataset, ...], paid: list[float]) -> AttackGains:
    true = gains.set_gains(parties, offers)
    return AttackGains(paid=tuple(paid), validation=true.gain_v.tolist(), test=true.gain_t.tolist())


def _paid_one_by_one(pricer: Pricer, offer: Dataset) -> float:
    """Sum of the payments when every record is offered under another identity, after the earlier ones were sold."""
    return sum(pricer.paid(offer.take([i]), offer.take(np.arange(i)) if i else None) for i in range(len(offer)))
