"""settle: the buyer's consent pays the seller at once."""

import pytest

from assay.protocol.structs import Status
from tests.contracts.world import ETHER, HOUR, PRICE, Currency, World, bytes32

pytestmark = pytest.mark.integration


def test_pays_the_seller_of_a_locked_order_and_the_key_stays_secret(world: World, seller) -> None:
    sale = world.locked()
    before = seller.balance

    receipt = world.settle(sale)

    assert seller.balance == before + PRICE
    assert world.status(sale) is Status.PAID
    assert world.settlement.OrderPaid(orderId=sale.order_id, seller=seller.address, amount=PRICE) in receipt.events
    assert sale.key not in bytes(receipt.data)


def test_pays_the_seller_of_a_revealed_order_before_the_dispute_window_has_passed(world: World, seller) -> None:
    sale = world.revealed()
    before = seller.balance

    world.settle(sale)

    assert seller.balance == before + PRICE
    assert world.status(sale) is Status.PAID


def test_a_buyer_may_consent_after_the_reveal_window_while_nobody_has_asked_for_the_refund(world: World) -> None:
    sale = world.locked()
    world.at(world.deadline(sale) + HOUR)

    world.settle(sale)

    assert world.status(sale) is Status.PAID


def test_nobody_but_the_buyer_consents(world: World, seller) -> None:
    sale = world.locked()

    with world.refuses("BuyerSignatureInvalid", buyer=world.buyer.address):
        world.settle(sale, world.acknowledgement(sale, signer=seller))


def test_a_receipt_is_no_acknowledgement(world: World) -> None:
    sale = world.locked()

    with world.refuses("BuyerSignatureInvalid", buyer=world.buyer.address):
        world.settle(sale, world.receipt(sale))


def test_the_bond_comes_back_with_the_price(world: World, currency: Currency, seller) -> None:
    bond = PRICE // 4
    sale = world.locked(token=currency.address, seller_bond=bond)
    before = currency.balance(seller)

    world.settle(sale)

    assert currency.balance(seller) == before + PRICE + bond
    assert currency.balance(world.settlement) == world.budget(sale.terms) == ETHER - PRICE


def test_an_acknowledgement_of_another_order_is_refused(world: World) -> None:
    sale = world.locked()
    other = world.agree(sale.terms, content_id=bytes32("other records"))

    with world.refuses("BuyerSignatureInvalid", buyer=world.buyer.address):
        world.settle(sale, world.acknowledgement(other))


def test_a_required_receipt_is_not_asked_for_from_a_buyer_who_consents(world: World) -> None:
    sale = world.locked(require_receipt=True)

    world.settle(sale)

    assert world.status(sale) is Status.PAID


@pytest.mark.parametrize("status", [Status.PAID, Status.DISPUTED, Status.REFUNDED])
def test_an_order_that_is_closed_stays_closed(world: World, status: Status) -> None:
    sale = world.sale_in(status)

    with world.refuses("StatusMismatch", orderId=sale.order_id, actual=status):
        world.settle(sale)


def test_an_order_that_was_never_posted_is_refused(world: World) -> None:
    sale = world.sale_in(Status.NONE)

    with world.refuses("OrderMismatch", orderId=sale.order_id):
        world.settle(sale)


def test_whoever_hands_the_acknowledgement_in_gains_nothing(world: World, mallory, seller) -> None:
    sale = world.locked()
    before, mallorys = seller.balance, mallory.balance

    world.settle(sale, sender=mallory)

    assert seller.balance == before + PRICE
    assert mallory.balance <= mallorys


def test_too_little_gas_to_pay_the_seller_is_refused_and_the_order_stays_open(world: World) -> None:
    sale = world.locked()

    with world.refuses("GasTooLow"):
        world.settlement.settle(
            sale.order.abi_values(), world.acknowledgement(sale), sender=world.relayer, gas_limit=145_000
        )
    assert world.status(sale) is Status.LOCKED
