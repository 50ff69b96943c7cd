"""``assay model register``: a model is registered once, and never silently with another oracle than the given one."""

import pytest
from click import BadParameter

from assay.cli.commands.model import fund_up_to, register_once
from assay.cli.params import SALT
from assay.errors import ModelExists
from tests.kit.actors import oracle_account, rival_account
from tests.kit.market import BUDGET, Market
from tests.kit.memory_contract import HALTED

pytestmark = pytest.mark.unit


def test_terms_registered_with_the_same_oracle_are_registered_once(market: Market) -> None:
    owner = market.chain.seen_by(market.terms.owner)
    calls = len(market.node.calls)
    assert register_once(owner, market.terms, oracle_account.address) == 0
    assert len(market.node.calls) == calls


def test_terms_registered_with_another_oracle_are_refused_with_both_remedies(market: Market) -> None:
    owner = market.chain.seen_by(market.terms.owner)
    with pytest.raises(ModelExists, match=oracle_account.address) as refusal:
        register_once(owner, market.terms, rival_account.address)
    assert f"0x{market.model_id.hex()}" in refusal.value.message
    assert rival_account.address in refusal.value.message
    assert refusal.value.hint is not None
    assert "set-oracle" in refusal.value.hint
    assert "--salt" in refusal.value.hint
    assert owner.model_state(market.model_id).oracle == oracle_account.address


def test_halted_model_is_not_registered_again(market: Market) -> None:
    owner = market.chain.seen_by(market.terms.owner)
    market.contract.change_model(market.model_id, oracle=HALTED)
    with pytest.raises(ModelExists, match="halted"):
        register_once(owner, market.terms, oracle_account.address)


def test_salt_registers_a_model_of_its_own(market: Market) -> None:
    owner = market.chain.seen_by(market.terms.owner)
    salted = market.terms.model_copy(update={"salt": SALT.convert("0x01", None, None)})
    assert register_once(owner, salted, rival_account.address) > 0
    assert owner.model_state(owner.model_id(salted)).oracle == rival_account.address
    assert owner.model_state(market.model_id).oracle == oracle_account.address


@pytest.mark.parametrize("text", ["0x1", "0x01", "0x" + 63 * "0" + "1"])
def test_short_salt_is_a_number_with_leading_zeros(text: str) -> None:
    assert SALT.convert(text, None, None) == bytes(31) + b"\x01"


@pytest.mark.parametrize("text", ["1", "0x", "0x" + 65 * "1", "0xfg", "-0x1", "0x 1"])
def test_salt_of_another_form_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(BadParameter, match=r"e\.g\. 0x01"):
        SALT.convert(text, None, None)


def test_budget_is_raised_to_an_amount_and_not_twice(market: Market) -> None:
    owner = market.chain.seen_by(market.terms.owner)
    assert fund_up_to(owner, market.terms, BUDGET + 7) > 0
    assert owner.model_state(market.model_id).budget == BUDGET + 7
    assert fund_up_to(owner, market.terms, BUDGET + 7) == 0
    assert fund_up_to(owner, market.terms, 1) == 0
    assert owner.model_state(market.model_id).budget == BUDGET + 7
