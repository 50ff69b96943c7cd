"""finalize: once the dispute window has passed in silence, the seller is paid."""

import pytest

from assay.protocol.structs import Status
from tests.contracts.world import ETHER, PRICE, Currency, World

pytestmark = pytest.mark.integration


def test_the_seller_is_paid_price_and_bond(world: World, currency: Currency, seller) -> None:
    bond = PRICE // 4
    sale = world.revealed(token=currency.address, seller_bond=bond)
    before = currency.balance(seller)
    world.at(world.deadline(sale) + 1)

    receipt = world.finalize(sale)

    assert currency.balance(seller) == before + PRICE + bond
    assert currency.balance(world.settlement) == world.budget(sale.terms) == ETHER - PRICE
    assert world.status(sale) is Status.PAID
    assert (
        world.settlement.OrderPaid(orderId=sale.order_id, seller=seller.address, amount=PRICE + bond) in receipt.events
    )


def test_the_last_second_of_the_dispute_window_is_too_early(world: World) -> None:
    sale = world.revealed()
    deadline = world.deadline(sale)
    world.at(deadline)

    with world.refuses("DeadlineNotPassed", deadline=deadline):
        world.finalize(sale)


def test_whoever_finalizes_gains_nothing(world: World, currency: Currency, mallory, seller) -> None:
    sale = world.revealed(token=currency.address)
    world.at(world.deadline(sale) + 1)
    before, mallorys = currency.balance(seller), currency.balance(mallory)

    world.finalize(sale, sender=mallory)

    assert currency.balance(seller) == before + PRICE
    assert currency.balance(mallory) <= mallorys


@pytest.mark.parametrize("status", [Status.LOCKED, Status.PAID, Status.DISPUTED, Status.REFUNDED])
def test_only_a_revealed_order_is_finalized(world: World, status: Status) -> None:
    sale = world.sale_in(status)
    world.at(world.now + 10**6)

    with world.refuses("StatusMismatch", orderId=sale.order_id, actual=status):
        world.finalize(sale)


def test_an_order_that_was_never_posted_is_refused(world: World) -> None:
    sale = world.sale_in(Status.NONE)

    with world.refuses("OrderMismatch", orderId=sale.order_id):
        world.finalize(sale)


def test_an_altered_payee_is_refused(world: World, mallory) -> None:
    sale = world.revealed()
    world.at(world.deadline(sale) + 1)
    stolen = sale.with_(order=sale.order.model_copy(update={"seller": mallory.address}))

    with world.refuses("OrderMismatch", orderId=sale.order_id):
        world.finalize(stolen)


def test_too_little_gas_to_pay_the_seller_is_refused_and_the_order_stays_open(world: World) -> None:
    sale = world.revealed()
    world.at(world.deadline(sale) + 1)

    with world.refuses("GasTooLow"):
        world.settlement.finalize(sale.order.abi_values(), sender=world.relayer, gas_limit=145_000)
    assert world.status(sale) is Status.REVEALED
