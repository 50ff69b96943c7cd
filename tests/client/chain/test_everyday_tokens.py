"""Tokens that people hold, on Anvil: each is paid with, or refused with what is wrong with it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount
from scripts.localnet import ETHER, Node, anvil

from assay.chain.settlement import SettlementClient
from assay.errors import ChainError, ContractReverted
from assay.protocol.structs import ModelTerms
from tests.kit.mocks import deploy

pytestmark = pytest.mark.integration

account: LocalAccount = Account.from_key(b"\x41" * 32)
oracle: LocalAccount = Account.from_key(b"\x42" * 32)


class Place:
    """The contract on a chain, and one account."""

    def __init__(self, node: Node, folder: Path) -> None:
        self.node = node
        node.fund(account.address, 100 * ETHER)
        self.chain = SettlementClient.of(node.url, node.deploy(folder / "31337.json"), account=account)

    def token(self, name: str = "Tether", *arguments: int, balance: int = 1000) -> str:
        contract = deploy(self.node, "Tether.sol", name, *arguments)
        if balance:
            self.chain._sender.send(contract.functions.mint(account.address, balance))
        return str(contract.address)

    def terms(self, token: str) -> ModelTerms:
        terms = ModelTerms(
            owner=account.address,
            function_hash=b"\x01" * 32,
            delivery_key=b"\x02" * 32,
            token=token,
            max_price=1000,
            oracle_bond=10,
            reveal_window=3600,
            dispute_window=3600,
        )
        self.chain.register_model(terms, oracle.address)
        return terms


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("tokens")
    with anvil(folder / "anvil.log") as node:
        yield Place(node, folder)


def test_token_that_returns_nothing_and_wants_zero_first(place: Place) -> None:
    token = place.token("Tether", 0)
    terms = place.terms(token)
    approve = place.chain.node.token(token).functions.approve
    for amount in (100, 200):
        place.chain._sender.send(approve(place.chain.domain.contract, 0))
        place.chain._sender.send(approve(place.chain.domain.contract, 7))
        place.chain.fund(terms, amount)
    assert place.chain.model_state(place.chain.model_id(terms)).budget == 300
    place.chain.deposit(token, 50)
    assert place.chain.credit(token, account.address) == 50
    place.chain.bond_oracle(terms, oracle.address, 60)
    assert place.chain.oracle_bond(place.chain.model_id(terms), oracle.address)[0] == 60
    place.chain.withdraw_credit(token, 50, account.address)
    assert place.chain.balance(account.address, token) == 1000 - 300 - 60
    assert place.chain.token(token).symbol == "TETHER"


def test_token_that_keeps_a_fee_is_refused_by_name(place: Place) -> None:
    with pytest.raises(ContractReverted, match="TokenNotExact") as raised:
        place.chain.deposit(place.token("Tether", 1), 100)
    assert "no fees" in str(raised.value.hint)


def test_token_that_grants_no_allowance_is_told(place: Place) -> None:
    with pytest.raises(ChainError, match="to let the contract take 100 base units"):
        place.chain.deposit(place.token("RefusingToken", balance=0), 100)


def test_account_that_holds_too_little_of_a_token_is_told_before_anything_is_sent(place: Place) -> None:
    token = place.token("Tether", 0, balance=99)
    with pytest.raises(ChainError, match=f"expected 100 base units of token {token}.*found 99"):
        place.chain.deposit(token, 100)
    assert place.chain.node.allowance(token, account.address, place.chain.domain.contract) == 0


def test_account_without_a_token_or_with_another_contract_is_told(place: Place) -> None:
    for address, what in ((oracle.address, "found no contract"), (place.chain.domain.contract, "does not answer")):
        with pytest.raises(ChainError, match=f"expected an ERC-20 token at.*{what}") as raised:
            place.chain.deposit(address, 1)
        assert "check the token's address" in str(raised.value.hint)


def test_account_without_coin_for_gas_is_told_what_to_do(place: Place) -> None:
    before = int(place.node.rpc("eth_getBalance", account.address, "latest"), 16)
    place.node.fund(account.address, 0)
    with pytest.raises(ChainError) as raised:
        place.chain.deposit("0x" + 40 * "0", 1)
    place.node.fund(account.address, before)
    assert "send native coin" in str(raised.value.hint)
