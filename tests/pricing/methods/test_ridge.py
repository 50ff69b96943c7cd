"""The method ridge: integer prices of sets, from sums over their records."""

import json
from pathlib import Path

import numpy as np
import pytest

from assay.protocol.function.canonical import canonical_json
from assay_pricing import artifact
from assay_pricing.errors import ArtifactError, DataError
from assay_pricing.fitting import fit
from assay_pricing.function import PriceFunction
from assay_pricing.methods.ridge import Ridge
from assay_pricing.records.records import Records
from assay_pricing.sums.moments import Moments
from tests.pricing.digits import Olga
from tests.pricing.machines import machines, regression_of
from tests.pricing.sums import second

pytestmark = pytest.mark.unit


@pytest.fixture(scope="module")
def ridge(olga: Olga) -> PriceFunction:
    return fit(
        olga.model, olga.owner, validation=olga.validation, method="ridge", settings={"features": 130}, decay=2e-3
    )


def test_what_the_owner_lacks_is_worth_more_than_junk(ridge: PriceFunction, olga: Olga) -> None:
    values = {name: ridge.appraise(offer).set_value for name, offer in olga.offers.items()}
    assert values["useful"] > values["few"] > 0
    assert max(values["mislabelled"], values["noise"]) < 0
    assert values["copies"] == values["few"], "exact copies are priced once"
    assert values["owner's copy"] == 0


def test_the_price_is_that_of_a_second_evaluator(ridge: PriceFunction, olga: Olga) -> None:
    """From its artifact's integers on: the features, sums and shrinkage of the format have tests of their own."""
    form, offer = ridge.method.form, olga.offers["few"]
    spec, terms = json.loads(canonical_json(form.model_dump(mode="json"))), form.terms
    found = terms.statistics(Moments.of(terms.features, [offer]))
    public = spec["terms"]["features"]
    phi = [second.features(public, second.inputs(public["inputs"], row)) for row in offer.x[:2].tolist()]
    assert terms.features.of(terms.features.inputs.codes(offer.x[:2])).tolist() == phi
    r = found.solution.astype(object) - found.shrinkage.astype(object) @ np.array(spec["weights"], dtype=object)
    doubled = -2 * (np.array(spec["linear"], dtype=object) * r).sum()
    doubled -= ((np.array(spec["quadratic"], dtype=object) @ r) * r).sum()
    assert ridge.appraise(offer).set_value == int(doubled) / 2 ** (form.scale + 1)


def test_the_integers_lose_no_rank(ridge: PriceFunction) -> None:
    form = ridge.method.form
    assert abs(form.rank_agreement - form.exact_agreement) <= 10_000
    assert form.rank_agreement >= 600_000


def test_a_record_is_worth_what_a_set_of_it_is(ridge: PriceFunction, olga: Olga) -> None:
    offer = olga.offers["useful"].take(range(5))
    alone = [ridge.method.set_value(offer.take([row])) for row in range(5)]
    np.testing.assert_allclose(ridge.method.record_values(offer), alone, rtol=0.005, atol=1e-4)


def test_an_offer_is_paid_for_what_it_adds_to_the_sellers_other_offers(ridge: PriceFunction, olga: Olga) -> None:
    few, useful = olga.offers["few"], olga.offers["useful"]
    together = ridge.method.set_value(few.join(useful))
    added = ridge.appraise(useful, context=few).set_value
    assert added == pytest.approx(together - ridge.method.set_value(few), abs=1e-12)
    assert added < ridge.appraise(useful).set_value
    near = Records(few.schema, few.x + 1e-4, few.y)
    assert ridge.appraise(near, context=few).set_value < 0.5 * ridge.appraise(near).set_value


@pytest.mark.parametrize("count", [15, 513])
def test_a_number_of_features_out_of_its_range_is_refused(count: int) -> None:
    owner = machines(1, normal=80, wear=80)
    with pytest.raises(DataError, match="expected 16 to 512 features"):
        fit(regression_of(owner), owner, method="ridge", settings={"features": count}, decay=2e-3)


def test_no_record_of_the_owner_is_kept(ridge: PriceFunction) -> None:
    assert isinstance(ridge.method, Ridge)
    assert ridge.manifest.carried.owner_records == ridge.manifest.carried.validation_records == 0


def test_what_is_published_of_sums_is_what_the_integers_are_of(ridge: PriceFunction, tmp_path: Path) -> None:
    assert ridge.manifest.sums is not None
    ridge.save(tmp_path / "price")
    assert PriceFunction.load(tmp_path / "price").manifest.sums == ridge.manifest.sums
    other = ridge.manifest.model_copy(update={"sums": {**ridge.manifest.sums, "damping": 1}})
    artifact.write(tmp_path / "false", *artifact.finalize(other, ridge.tensors))
    with pytest.raises(ArtifactError, match="expected the terms of its price from sums"):
        PriceFunction.load(tmp_path / "false")
