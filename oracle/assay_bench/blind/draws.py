"""A draw of the pricing benchmark: its model, exact and blind ridge prices, and true gains of sets."""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from assay_bench.figures import spearman
from assay_bench.pricing.data.dataset import Dataset
from assay_bench.pricing.data.parties import Parties
from assay_bench.pricing.parts.draw import draw
from assay_bench.pricing.scorers.pricer import Pricer, schema_of, to_records
from assay_bench.pricing.truth import nets
from assay_bench.pricing.truth.gains import set_gains
from assay_bench.pricing.truth.nets import Nets
from assay_bench.pricing.units import Part, Unit
from assay_pricing import methods
from assay_pricing.fitting import make_task
from assay_pricing.methods.families.base import RefitMethod
from assay_pricing.methods.ridge import Ridge
from assay_pricing.records.records import Records, distinct
from assay_pricing.sums.form import PriceForm, form_of
from assay_pricing.sums.moments import Moments
from assay_pricing.surrogate.network import deterministic

DATA = "digits"
FEATURES = 128
"""Of a blind price whose messages stay below 4 MB."""


@dataclass(frozen=True)
class Ranks:
    """Rank correlations over the sets of a draw.

    Attributes:
        ridge: Of the exact ridge price with the gain by retraining, on validation records.
        blind: The same of the blind price, that of the distinct records' sums.
        agreement: Of the blind with the exact ridge price.
        default: Of the exact ridge price with the default method's, on offers that the owner simulated.
    """

    ridge: float
    blind: float
    agreement: float
    default: float


@dataclass(frozen=True, eq=False)
class Draw:
    """The parties of a draw, and the owner's model."""

    parties: Parties
    model: Nets

    @classmethod
    def of(cls, setting: str, seed: int, packages: Path) -> "Draw":
        """One of the digits, with the network of the benchmark."""
        return cls(*draw(Unit(Part.METHOD, DATA, setting, seed, Ridge.name), packages))

    @cached_property
    def pricer(self) -> Pricer:
        """The price function of a blind price."""
        return Pricer.fit(self.parties, self.model, Ridge.name, settings={"features": FEATURES})

    @property
    def form(self) -> PriceForm:
        """The integers of its price."""
        return form_of(self.pricer.function.method)

    def records(self, data: Dataset) -> Records:
        """Records of the owner's schema."""
        return to_records(data, schema_of(self.parties.base))

    def ranks(self) -> Ranks:
        """How the prices of 256 and of 128 features rank the sets: both are chosen by the same reference."""
        sets = [distinct(self.records(one)) for one in self.parties.batches]
        exact, blind = self._forms()
        known = set(self.records(self.parties.base).hashes())
        new = [one.take(np.array([h not in known for h in one.hashes()]).nonzero()[0]) for one in sets]
        in_the_clear, told = (_gains(form, found) for form, found in ((exact, new), (blind, sets)))
        true = set_gains(self.parties, self.parties.batches).gain_v
        return Ranks(
            ridge=spearman(in_the_clear, true),
            blind=spearman(told, true),
            agreement=spearman(told, in_the_clear),
            default=exact.rank_agreement / 1e6,
        )

    def _forms(self) -> tuple[PriceForm, PriceForm]:
        parties = self.parties
        with deterministic():
            task = make_task(
                nets.module(self.model),
                self.records(parties.base),
                validation=self.records(parties.validation),
                decay=parties.recipe.decay,
            )
            default = methods.method(methods.DEFAULT)
            reference = default.fit(replace(task, settings=methods.settings(methods.DEFAULT, {})))
            assert isinstance(reference, RefitMethod)
            count = Ridge.settings["features"]
            assert isinstance(count, int)
            exact, blind = (Ridge.judged(task, reference, features).form for features in (count, FEATURES))
        return exact, blind


def _gains(form: PriceForm, sets: list[Records]) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    return np.array([form.gain(Moments.of(form.terms.features, [one])) for one in sets])
