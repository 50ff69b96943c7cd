"""One scenario for every part of the contract, with the same bytecode on Anvil and on Ganache (Shanghai)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from assay.protocol.statements import digest
from assay.protocol.structs import Status
from assay.protocol.types import NATIVE_TOKEN
from tests.contracts.ganache import GanacheAccount, GanacheChain, GanacheWorld, ganache
from tests.contracts.permit import permit
from tests.contracts.world import DAY, ETHER, HOUR, PRICE, Currency, World, bytes32

pytestmark = pytest.mark.integration

BOND = PRICE // 4


@dataclass
class Place:
    """A world on one chain, and how to add contracts to it."""

    world: World
    project: Any
    heir: Any

    def deploy(self, name: str, *arguments: Any) -> Any:
        container = getattr(self.project, name)
        if isinstance(self.world.chain, GanacheChain):
            return self.world.chain.deploy(self.world.relayer, container, *arguments)
        return self.world.relayer.deploy(container, *arguments)


@pytest.fixture(scope="session")
def ganache_chain() -> Iterator[GanacheChain]:
    with ganache() as chain:
        yield chain


@pytest.fixture(params=["anvil", "ganache"])
def place(request: pytest.FixtureRequest, project: Any, accounts: Any, settlement: Any) -> Place:
    """Buyer, oracle, seller and relayer around a new contract on each chain."""
    if request.param == "anvil":
        return Place(World(settlement, request.getfixturevalue("chain"), *accounts[:4]), project, accounts[4])
    chain = request.getfixturevalue("ganache_chain")
    *actors, relayer, heir = (GanacheAccount(chain.web3, one.address, one.private_key) for one in accounts[:5])
    return Place(GanacheWorld(chain.deploy(relayer, project.Settlement), chain, *actors, relayer), project, heir)


@pytest.fixture
def world(place: Place) -> World:
    return place.world


@pytest.fixture(params=["native", "token"])
def currency(request: pytest.FixtureRequest, place: Place) -> Currency:
    if request.param == "native":
        return Currency()
    token = place.world.give(place.deploy("Token"))
    return Currency(token.address, token)


def test_the_same_code_is_deployed(place: Place, settlement: Any, chain: Any) -> None:
    expected = bytes(chain.provider.get_code(settlement.address))

    if isinstance(place.world.chain, GanacheChain):
        found = bytes(place.world.chain.web3.eth.get_code(place.world.settlement.contract.address))
    else:
        found = bytes(chain.provider.get_code(place.world.settlement.address))
    assert found == expected != b""


def test_a_whole_sale(world: World, currency: Currency) -> None:
    terms = world.open(token=currency.address, seller_bond=BOND, require_receipt=True)
    sale = world.agree(terms)
    with world.refuses("CreditTooSmall", required=BOND, available=0):
        world.post(sale)
    world.deposit_bond(BOND, currency.address)
    world.post(sale)
    with world.refuses("PairUsed", orderId=sale.order_id, status=Status.LOCKED):
        world.post(sale)
    with world.refuses("BuyerSignatureInvalid", buyer=world.buyer.address):
        world.reveal(sale)

    world.at(world.deadline(sale))
    world.reveal(sale, world.receipt(sale))

    deadline, before = world.deadline(sale), currency.balance(world.seller)
    world.at(deadline)
    with world.refuses("DeadlineNotPassed", deadline=deadline):
        world.finalize(sale)
    world.at(deadline + 1)
    world.finalize(sale)
    assert world.status(sale) is Status.PAID
    assert currency.balance(world.seller) == before + PRICE + BOND
    assert currency.balance(world.settlement) == world.budget(terms) == ETHER - PRICE

    world.settlement.withdraw(terms.abi_values(), ETHER - PRICE, world.buyer.address, sender=world.buyer)
    assert currency.balance(world.settlement) == 0


def test_a_dispute(world: World, currency: Currency) -> None:
    honest = world.revealed(token=currency.address, seller_bond=BOND)
    bad = world.agree(honest.terms, sealed=world.sealed.with_bad_chunk(3), content_id=bytes32("bad"))
    world.deposit_bond(BOND, currency.address)
    world.post(bad)
    world.reveal(bad)

    for index in range(4):
        with world.refuses("ChunkMatches", index=index):
            world.dispute(honest, honest.sealed.proof(index))
    deadline = world.deadline(bad)
    world.at(deadline)
    world.dispute(bad, bad.sealed.proof(3))

    assert world.status(bad) is Status.DISPUTED
    assert world.budget(bad.terms) == ETHER - PRICE + BOND
    world.at(deadline + 1)
    with world.refuses("DeadlinePassed", deadline=world.deadline(honest)):
        world.dispute(honest, honest.sealed.proof(0))


def test_a_refund(world: World, currency: Currency) -> None:
    sale = world.locked(token=currency.address)
    deadline = world.deadline(sale)
    world.at(deadline)
    with world.refuses("DeadlineNotPassed", deadline=deadline):
        world.refund(sale)

    world.at(deadline + 1)
    world.refund(sale)

    assert world.status(sale) is Status.REFUNDED
    assert world.budget(sale.terms) == ETHER


def test_a_cooperative_close_and_a_direct_reveal(world: World, currency: Currency) -> None:
    settled = world.locked(token=currency.address)
    shown = world.agree(settled.terms, content_id=bytes32("shown"))
    world.post(shown)
    before = currency.balance(world.seller)

    world.settle(settled)
    world.reveal_data(shown)

    assert currency.balance(world.seller) == before + 2 * PRICE
    assert [world.status(sale) for sale in (settled, shown)] == [Status.PAID, Status.PAID]


def test_batches(world: World) -> None:
    sales = world.many_locked(3)
    before = world.seller.balance

    world.reveal_keys(sales)
    world.at(world.deadline(sales[0]) + 1)
    world.finalize_batch(sales)

    assert world.seller.balance == before + 3 * PRICE


def test_a_budget_by_permit(place: Place) -> None:
    world, token = place.world, place.world.give(place.deploy("Token"))
    token.approve(world.settlement, 0, sender=world.buyer)
    terms = world.register(world.terms(token=token.address))
    deadline = world.now + HOUR
    signature = permit(world, token, ETHER, deadline)

    world.settlement.fundWithPermit(terms.abi_values(), ETHER, deadline, *signature, sender=world.buyer)

    assert world.budget(terms) == ETHER


def test_an_oracle_comes_is_bonded_equivocates_and_goes(place: Place) -> None:
    world, heir = place.world, place.heir
    terms = world.open(oracle_bond=ETHER)
    world.bond(terms, ETHER)
    first, second = world.agree(terms), world.agree(terms, price=1)
    world.post(first)

    quotes = [sale.quote.abi_values() for sale in (first, second)]
    signatures = [sale.oracle_signature for sale in (first, second)]
    world.settlement.reportEquivocation(
        terms.abi_values(), world.oracle.address, quotes, signatures, sender=world.relayer
    )
    assert world.budget(terms) == 2 * ETHER - PRICE
    world.settlement.setOracle(terms.abi_values(), heir.address, sender=world.buyer)
    assert world.settlement.oracleState(world.model_id(terms), world.oracle.address)[2]

    world.oracle = heir
    world.bond(terms, ETHER)
    world.post(world.agree(terms, content_id=bytes32("more")))
    world.settlement.requestOracleBondExit(world.model_id(terms), sender=heir)
    unlocks_at = world.settlement.oracleState(world.model_id(terms), heir.address)[1]
    assert 0 < unlocks_at - world.now <= 7 * DAY
    world.at(unlocks_at + 1)
    world.settlement.withdrawOracleBond(terms.abi_values(), sender=heir)
    assert world.credit(heir) == ETHER
    world.settlement.withdrawCredit(NATIVE_TOKEN, ETHER, heir.address, sender=heir)
    assert world.credit(heir) == 0


def test_a_wallet_that_refuses_its_payment_is_credited(place: Place) -> None:
    world = place.world
    wallet = place.deploy("BouncingWallet", world.seller)
    sale = world.agree(world.open(), seller=wallet.address)
    world.post(sale)

    world.settle(sale)

    assert world.status(sale) is Status.PAID
    assert world.credit(wallet) == PRICE


def test_the_views_agree_with_the_client(world: World) -> None:
    terms = world.terms()
    quote = world.quote(terms)

    assert bytes(world.settlement.modelIdOf(terms.abi_values())) == world.model_id(terms)
    assert bytes(world.settlement.orderIdOf(quote.model_id, quote.content_id)) == quote.order_id()
    assert bytes(world.settlement.quoteDigest(quote.abi_values())) == digest(world.domain.quote(quote))
