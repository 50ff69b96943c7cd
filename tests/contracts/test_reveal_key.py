"""revealKey: the key goes on chain, the dispute window opens, nobody is paid yet."""

import pytest

from assay.protocol.structs import Order, Status
from tests.contracts.world import ETHER, HOUR, PRICE, World, bytes32

pytestmark = pytest.mark.integration

ORDER_CHANGES = {
    "model_id": bytes32("other model"),
    "content_id": bytes32("other records"),
    "buyer": "0x00000000000000000000000000000000000000B0",
    "seller": "0x000000000000000000000000000000000000005e",
    "token": "0x0000000000000000000000000000000000000070",
    "price": PRICE + 1,
    "seller_bond": 1,
    "dispute_window": HOUR,
    "require_receipt": True,
    "data_root": bytes32("other data"),
    "key_hash": bytes32("other lock"),
}


def test_the_key_is_published_and_the_dispute_window_opens(world: World) -> None:
    sale = world.locked()

    receipt = world.reveal(sale)

    assert world.status(sale) is Status.REVEALED
    assert world.deadline(sale) == receipt.timestamp + 2 * HOUR
    assert world.settlement.KeyRevealed(orderId=sale.order_id, key=sale.key) in receipt.events


def test_nobody_is_paid_yet(world: World, seller) -> None:
    sale = world.locked()
    before = seller.balance

    world.reveal(sale)

    assert seller.balance == before
    assert world.settlement.balance == ETHER
    assert world.budget(sale.terms) == ETHER - PRICE


def test_whoever_knows_the_key_may_reveal_it(world: World, mallory) -> None:
    sale = world.locked()

    world.reveal(sale, sender=mallory)

    assert world.status(sale) is Status.REVEALED


def test_the_last_second_of_the_reveal_window_is_in_time(world: World) -> None:
    sale = world.locked()
    world.at(world.deadline(sale))

    world.reveal(sale)

    assert world.status(sale) is Status.REVEALED


def test_the_second_after_the_reveal_window_is_late(world: World) -> None:
    sale = world.locked()
    deadline = world.deadline(sale)
    world.at(deadline + 1)

    with world.refuses("DeadlinePassed", deadline=deadline):
        world.reveal(sale)


def test_the_dispute_window_is_whole_however_late_the_reveal(world: World) -> None:
    sale = world.locked()
    last_second = world.deadline(sale)
    world.at(last_second)

    world.reveal(sale)

    assert world.deadline(sale) == last_second + 2 * HOUR


def test_another_key_is_refused(world: World) -> None:
    sale = world.locked()

    with world.refuses("KeyMismatch", orderId=sale.order_id):
        world.reveal(sale.with_(key=bytes32("another key")))


def test_a_lock_made_for_another_order_opens_for_no_key(world: World) -> None:
    terms = world.open()
    elsewhere = world.agree(terms, content_id=bytes32("elsewhere"))
    here = world.agree(terms, lock=elsewhere.order.key_hash)
    world.post(here)

    with world.refuses("KeyMismatch", orderId=here.order_id):
        world.reveal(here)


def test_an_order_that_was_never_posted_is_refused(world: World) -> None:
    sale = world.sale_in(Status.NONE)

    with world.refuses("OrderMismatch", orderId=sale.order_id):
        world.reveal(sale)


@pytest.mark.parametrize("field", ORDER_CHANGES)
def test_an_order_with_another_value_than_was_posted_is_refused(world: World, field: str) -> None:
    assert set(ORDER_CHANGES) == set(Order.model_fields)
    sale = world.locked()
    altered = sale.with_(order=sale.order.model_copy(update={field: ORDER_CHANGES[field]}))

    with world.refuses("OrderMismatch", orderId=altered.order.order_id()):
        world.reveal(altered)


@pytest.mark.parametrize("status", [Status.REVEALED, Status.PAID, Status.DISPUTED, Status.REFUNDED])
def test_only_a_locked_order_is_revealed(world: World, status: Status) -> None:
    sale = world.sale_in(status)

    with world.refuses("StatusMismatch", orderId=sale.order_id, actual=status):
        world.reveal(sale)


def test_the_buyers_receipt_is_accepted_where_the_terms_require_one(world: World) -> None:
    sale = world.locked(require_receipt=True)

    world.reveal(sale, world.receipt(sale))

    assert world.status(sale) is Status.REVEALED


def test_a_required_receipt_cannot_be_left_out(world: World) -> None:
    sale = world.locked(require_receipt=True)

    with world.refuses("BuyerSignatureInvalid", buyer=world.buyer.address):
        world.reveal(sale)


def test_nobody_but_the_buyer_receives(world: World, seller) -> None:
    sale = world.locked(require_receipt=True)

    with world.refuses("BuyerSignatureInvalid", buyer=world.buyer.address):
        world.reveal(sale, world.receipt(sale, signer=seller))


def test_a_receipt_of_another_order_is_refused(world: World) -> None:
    sale = world.locked(require_receipt=True)
    other = world.agree(sale.terms, content_id=bytes32("other records"))

    with world.refuses("BuyerSignatureInvalid", buyer=world.buyer.address):
        world.reveal(sale, world.receipt(other))


def test_an_acknowledgement_is_no_receipt(world: World) -> None:
    sale = world.locked(require_receipt=True)

    with world.refuses("BuyerSignatureInvalid", buyer=world.buyer.address):
        world.reveal(sale, world.acknowledgement(sale))


def test_a_receipt_that_nobody_asked_for_is_not_looked_at(world: World) -> None:
    sale = world.locked()

    world.reveal(sale, b"thanks")

    assert world.status(sale) is Status.REVEALED
