"""Proofs of a price function's prices, from records to the check by whoever has the data."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from assay.errors import OracleMisbehaved
from assay.protocol.proof.curve import to_bytes, total
from assay.protocol.proof.money import MoneyTerms
from assay.protocol.proof.proven import ProofTerms, ProvenPrice, statistics_numbers
from assay.protocol.statements import Domain
from assay.protocol.structs import Quote
from assay.sale.proven.prices import PriceDisproven, PriceProofs
from assay.sale.proven.quotes import check_quoted
from assay_pricing.errors import ProofError
from assay_pricing.manifest import Control
from assay_pricing.price import PricingRule
from assay_pricing.proof import folder as folders
from assay_pricing.proof.circuit import model_numbers
from assay_pricing.proof.folder import PROVING, ProofFolder
from assay_pricing.proof.pricing import ProofPricing, sizes_of
from assay_pricing.proof.prover import set_up
from assay_pricing.records.records import Records
from assay_pricing.sums.blind import blind_pricing, money_terms
from assay_pricing.sums.form import PriceForm
from assay_pricing.sums.moments import Moments
from tests.pricing.sums.plain import plain_form, records_of

pytestmark = pytest.mark.integration

PLAIN = plain_form()
FORM = PLAIN.model_copy(
    update={name: tuple(tuple(-x for x in row) for row in getattr(PLAIN, name)) for name in ("linear", "quadratic")}
)
"""Of the other sign: its records have a gain."""
DOMAIN = Domain(chain_id=31337, contract="0x" + "11" * 20)
MAX_PRICE = 3 * 10**18


def function_of(form: PriceForm) -> Any:
    manifest = {
        "rule": PricingRule(rate=10**18, grid=10**12),
        "controls": (Control(records=1, gain=1e-6), Control(records=100, gain=1e-3)),
        "backtest": SimpleNamespace(divisor=1.25),
        "schema_": SimpleNamespace(features=()),
    }
    method = SimpleNamespace(form=form, value_unit=2.0, name="ridge")
    return SimpleNamespace(method=method, manifest=SimpleNamespace(**manifest))


def records(seed: int) -> Records:
    draw = np.random.default_rng(seed)
    return records_of(FORM.terms.features, draw.normal(size=(20, 8)), draw.integers(0, 3, 20).astype(np.float64))


def priced(seed: int) -> tuple[Any, int]:
    """Statistics and price of records."""
    found = FORM.terms.statistics(Moments.of(FORM.terms.features, [records(seed)]))
    doubled = FORM.secret.doubled_price(found.shrinkage, found.solution)
    return found, money().price(doubled, 20)


def money() -> MoneyTerms:
    return money_terms(function_of(FORM), FORM, MAX_PRICE)


def quote_of(price: int) -> Quote:
    return Quote(
        model_id=bytes([1]) * 32,
        content_id=bytes([2]) * 32,
        seller="0x" + "22" * 20,
        data_root=bytes([3]) * 32,
        price=price,
        expiry=2_000_000_000,
        evaluation=bytes([4]) * 32,
    )


@pytest.fixture(scope="module")
def proofs(tmp_path_factory: pytest.TempPathFactory) -> ProofFolder:
    folder = tmp_path_factory.mktemp("proofs")
    key = set_up(sizes_of(FORM), folder / PROVING)
    folders.write(folder, key, model_numbers(FORM.secret), money())
    return ProofFolder.read(folder)


@pytest.fixture(scope="module")
def made(proofs: ProofFolder) -> ProvenPrice:
    found, price = priced(1)
    assert price
    return ProofPricing.of(function_of(FORM), proofs).prove(found, 20, quote_of(price), DOMAIN)


def numbers_of(seed: int) -> list[int]:
    found, _ = priced(seed)
    return statistics_numbers(found.shrinkage.tolist(), found.solution.tolist())


def test_whoever_has_key_terms_and_data_checks_a_price_without_the_oracle(
    proofs: ProofFolder, made: ProvenPrice
) -> None:
    proofs.terms.check_opened(proofs.key, (proofs.folder / folders.OPENING).read_bytes())
    made.check(proofs.terms, proofs.key, DOMAIN, quote_of(priced(1)[1]))
    made.check_statistics(proofs.key, numbers_of(1), 20)
    assert ProvenPrice.model_validate_json(made.model_dump_json()) == made


def test_the_money_of_a_proof_is_that_of_the_blind_price_and_of_the_price_in_the_clear() -> None:
    blind = blind_pricing(function_of(FORM))
    assert blind is not None
    for exponent in range(0, 90, 3):
        for doubled in (2**exponent, -(2**exponent), 3**exponent % 2**90):
            assert money().price(doubled, 20) == min(blind.money(doubled, 20), MAX_PRICE)
    binary = function_of(FORM)
    binary.manifest.rule = PricingRule(kind="binary")
    with pytest.raises(ProofError, match="expected a graded price that sums alone determine"):
        money_terms(binary, FORM, MAX_PRICE)


CHANGES: dict[str, Callable[[Quote], Quote]] = {
    "model id": lambda quote: quote.model_copy(update={"model_id": bytes(32)}),
    "content id": lambda quote: quote.model_copy(update={"content_id": bytes(32)}),
    "seller": lambda quote: quote.model_copy(update={"seller": "0x" + "33" * 20}),
    "data root": lambda quote: quote.model_copy(update={"data_root": bytes(32)}),
    "price": lambda quote: quote.model_copy(update={"price": quote.price + 10**12}),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_proof_for_another_quote_is_refused_by_name(proofs: ProofFolder, made: ProvenPrice, name: str) -> None:
    with pytest.raises(OracleMisbehaved, match=f"expected a proof for the {name} .*, got one for"):
        made.check(proofs.terms, proofs.key, DOMAIN, CHANGES[name](quote_of(made.statement.price)))


def test_a_proof_for_another_chain_contract_or_model_is_refused_by_name(proofs: ProofFolder, made: ProvenPrice) -> None:
    terms = proofs.terms
    for domain, name in (
        (Domain(chain_id=1, contract=DOMAIN.contract), "chain 1"),
        (Domain(chain_id=31337, contract="0x" + "12" * 20), "contract 0x1212"),
    ):
        with pytest.raises(OracleMisbehaved, match=f"expected a proof for the {name}"):
            made.check(terms, proofs.key, domain)
    for update, name in (({"key": bytes(32)}, "verification key"), ({"model": bytes(64)}, "model's commitment")):
        with pytest.raises(OracleMisbehaved, match=f"expected a proof for the {name}"):
            made.check(terms.model_copy(update=update), proofs.key, DOMAIN)
    dear = ProofTerms(key=terms.key, model=terms.model, money=terms.money.model_copy(update={"rate": 10**17}))
    with pytest.raises(OracleMisbehaved, match="expected a proof for the price of its bounds"):
        made.check(dear, proofs.key, DOMAIN)


def test_bounds_wider_than_the_price_are_refused(proofs: ProofFolder, made: ProvenPrice) -> None:
    """They hold of other prices, too: an oracle would prove whatever it likes."""
    wide = made.statement.model_copy(update={"least": -(2**100)})
    with pytest.raises(OracleMisbehaved, match="expected a proof for the price of its bounds"):
        made.model_copy(update={"statement": wide}).check(proofs.terms, proofs.key, DOMAIN)


def test_an_altered_key_or_proof_is_refused(proofs: ProofFolder, made: ProvenPrice) -> None:
    key = replace(proofs.key, points=(*proofs.key.points[:-1], proofs.key.alpha))
    with pytest.raises(OracleMisbehaved, match="expected a proof for the verification key"):
        made.check(proofs.terms, key, DOMAIN)
    altered = made.model_copy(update={"proof": made.proof[:-1] + bytes([made.proof[-1] ^ 1])})
    with pytest.raises(OracleMisbehaved, match="expected a proof that holds for its statement"):
        altered.check(proofs.terms, proofs.key, DOMAIN)
    with pytest.raises(OracleMisbehaved, match="expected a model's commitment with a proven opening"):
        proofs.terms.check_opened(proofs.key, bytes(100))


def test_a_price_for_other_data_is_seen_by_whoever_has_the_data(proofs: ProofFolder, made: ProvenPrice) -> None:
    with pytest.raises(OracleMisbehaved, match="expected a proof for the statistics of these data"):
        made.check_statistics(proofs.key, numbers_of(2), 20)
    with pytest.raises(OracleMisbehaved, match="expected a proof for the number of records 21, got one for 20"):
        made.check_statistics(proofs.key, numbers_of(1), 21)
    moved = to_bytes(total([made.statement.points[1], proofs.key.points[0]]))
    other = made.model_copy(update={"statement": made.statement.model_copy(update={"statistics": moved})})
    with pytest.raises(OracleMisbehaved, match="expected a proof for the statistics of these data"):
        other.check_statistics(proofs.key, numbers_of(1), 20)
    with pytest.raises(OracleMisbehaved, match="statistics for this key"):
        made.check_statistics(proofs.key, numbers_of(1)[1:], 20)


def test_a_seller_accepts_a_price_that_was_proven_for_her_data_alone(
    proofs: ProofFolder, made: ProvenPrice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checks, kept = PriceProofs(DOMAIN, proofs.folder, lambda: SimpleNamespace()), tmp_path / "proof.json"  # type: ignore[arg-type, return-value]
    record: Any = SimpleNamespace(quote=quote_of(made.statement.price))

    def check(proof: str | None, seed: int) -> None:
        found, _ = priced(seed)
        sums = SimpleNamespace(second=found.shrinkage, first=found.solution, records=20)
        monkeypatch.setattr("assay.sale.proven.prices.sums_of", lambda *_: sums)
        check_quoted(checks, record, SimpleNamespace(proof=proof), tmp_path / "data.csv", kept)  # type: ignore[arg-type]

    with pytest.raises(OracleMisbehaved, match="the oracle has no proof of it"):
        check(None, 1)
    with pytest.raises(OracleMisbehaved, match="expected a proven price, got other text"):
        check("{}", 1)
    record.quote = CHANGES["content id"](record.quote)
    with pytest.raises(OracleMisbehaved, match="expected a proof for the content id"):
        check(made.model_dump_json(), 1)
    assert not kept.exists()
    record.quote = quote_of(made.statement.price)
    check(made.model_dump_json(), 1)
    kept.unlink()
    with pytest.raises(PriceDisproven, match=r"do not have the price \d+ that the oracle proved") as raised:
        check(made.model_dump_json(), 2)
    assert str(kept) in str(raised.value.hint)
    assert ProvenPrice.model_validate_json(kept.read_bytes()) == made, "it is evidence"


def test_a_set_without_statistics_has_a_provable_price(proofs: ProofFolder) -> None:
    """By its proof an operator sees, before any offer, whether proofs can be made."""
    sizes = proofs.key.sizes
    nothing = [0] * (sizes.triangle + sizes.features * sizes.outputs)
    found = ProofPricing.of(function_of(FORM), proofs).prove_numbers(nothing, 1, quote_of(0), DOMAIN)
    found.check(proofs.terms, proofs.key, DOMAIN)


def test_a_quote_at_another_price_than_the_data_have_is_not_proven(proofs: ProofFolder) -> None:
    found, price = priced(1)
    with pytest.raises(ProofError, match=f"expected a quote at the price of these records alone, {price}, got"):
        ProofPricing.of(function_of(FORM), proofs).prove(found, 20, quote_of(price + 10**12), DOMAIN)


def test_a_folder_is_of_one_price_function_and_as_it_was_written(proofs: ProofFolder, tmp_path: Path) -> None:
    other = FORM.model_copy(update={"linear": (FORM.linear[1], *FORM.linear[1:])})
    with pytest.raises(ProofError, match="expected a commitment to this price function's integers"):
        ProofPricing.of(function_of(other), proofs)
    with pytest.raises(ProofError, match=r"verification\.key is missing"):
        ProofFolder.read(tmp_path)
    for name in (folders.VERIFICATION, folders.TERMS, folders.SALT):
        (tmp_path / name).write_bytes((proofs.folder / name).read_bytes())
    data = (tmp_path / folders.VERIFICATION).read_bytes()
    (tmp_path / folders.VERIFICATION).write_bytes(data[:-64] + data[-128:-64])
    with pytest.raises(ProofError, match="it was altered"):
        ProofFolder.read(tmp_path)
    (tmp_path / folders.VERIFICATION).write_bytes(data[:-1])
    with pytest.raises(ProofError, match="expected a folder for proofs as it was written"):
        ProofFolder.read(tmp_path)
    with pytest.raises(ProofError, match="expected a folder without keys for proofs"):
        folders.write(tmp_path, proofs.key, model_numbers(FORM.secret), money())
