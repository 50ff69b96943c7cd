"""settle: the buyer's consent pays the seller at once."""

import pytest

from assay.protocol.types import Status
from tests.contracts.world import HOUR, PRICE, World

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


def test_an_order_is_paid_once(world: World) -> None:
    sale = world.locked()
    world.settle(sale)

    with world.refuses("StatusMismatch", orderId=sale.order_id, actual=Status.PAID):
        world.settle(sale)
