"""batch: many calls in one transaction. What somebody did first is passed over; anything else refuses the whole."""

import ape
import pytest

from assay.protocol.structs import Status
from assay.protocol.types import NATIVE_TOKEN
from tests.contracts.world import HOUR, PRICE, World, bytes32

pytestmark = pytest.mark.integration


def test_every_key_is_revealed_as_by_itself(world: World) -> None:
    sales = world.many_locked(3)

    receipt = world.reveal_keys(sales)

    assert [world.status(sale) for sale in sales] == 3 * [Status.REVEALED]
    assert [event.orderId for event in receipt.events] == [sale.order_id for sale in sales]
    assert [event.key for event in receipt.events] == [sale.key for sale in sales]
    assert world.settlement.balance == world.budget(sales[0].terms) + 3 * PRICE


def test_every_seller_is_paid(world: World, seller) -> None:
    sales = world.many_locked(3)
    world.reveal_keys(sales)
    world.at(world.deadline(sales[-1]) + 1)
    before = seller.balance

    receipt = world.finalize_batch(sales)

    assert seller.balance == before + 3 * PRICE
    assert [world.status(sale) for sale in sales] == 3 * [Status.PAID]
    assert [(event.orderId, event.amount) for event in receipt.events] == [(sale.order_id, PRICE) for sale in sales]


def test_orders_are_posted_together(world: World) -> None:
    terms = world.open()
    sales = [world.agree(terms, content_id=bytes32(f"content {i}")) for i in range(2)]

    world.batch([world.post_call(sale) for sale in sales])

    assert [world.status(sale) for sale in sales] == 2 * [Status.LOCKED]


def test_the_calls_are_the_senders_own(world: World, mallory) -> None:
    """The buyer may settle without a signature; a stranger may not, in a batch or by itself."""
    sale = world.locked()
    settle = world.encoded("settle", sale.order.abi_values(), b"")

    with world.refuses("BuyerSignatureInvalid", buyer=world.buyer.address):
        world.batch([settle], sender=mallory)
    world.batch([settle], sender=world.buyer)

    assert world.status(sale) is Status.PAID


def test_one_wrong_key_refuses_the_whole(world: World) -> None:
    sales = world.many_locked(2)
    wrong = sales[1].with_(key=bytes32("wrong"))

    with world.refuses("KeyMismatch", orderId=wrong.order_id):
        world.reveal_keys([sales[0], wrong])
    assert world.status(sales[0]) is Status.LOCKED


def test_one_order_that_is_not_due_refuses_the_whole(world: World) -> None:
    early, late = world.many_locked(2, reveal_window=3 * HOUR)
    world.reveal(early)
    world.at(world.deadline(early))
    world.reveal(late)
    world.at(world.deadline(early) + 1)

    with world.refuses("DeadlineNotPassed", deadline=world.deadline(late)):
        world.finalize_batch([early, late])
    assert world.status(early) is Status.REVEALED


def test_nothing_happens_twice_in_one_batch(world: World, seller) -> None:
    (sale,) = world.many_locked(1)
    before = seller.balance

    revealed = world.reveal_keys([sale, sale])
    world.at(world.deadline(sale) + 1)
    world.finalize_batch([sale, sale])

    assert [event.orderId for event in revealed.events] == [sale.order_id]
    assert seller.balance == before + PRICE


def test_whoever_copies_one_key_from_the_mempool_stops_no_batch(world: World, mallory) -> None:
    sales = world.many_locked(3)
    world.reveal(sales[1], sender=mallory)
    first_deadline = world.deadline(sales[1])

    world.reveal_keys(sales)

    assert [world.status(sale) for sale in sales] == 3 * [Status.REVEALED]
    assert world.deadline(sales[1]) == first_deadline


def test_whoever_finalizes_one_order_first_stops_no_batch(world: World, mallory, seller) -> None:
    sales = world.many_locked(3)
    world.reveal_keys(sales)
    world.at(world.deadline(sales[-1]) + 1)
    before = seller.balance
    world.finalize(sales[1], sender=mallory)

    world.finalize_batch(sales)

    assert seller.balance == before + 3 * PRICE


def test_whoever_posts_one_order_first_stops_no_batch(world: World, mallory) -> None:
    terms = world.open()
    sales = [world.agree(terms, content_id=bytes32(f"content {i}")) for i in range(2)]
    world.post(sales[0], sender=mallory)

    world.batch([world.post_call(sale) for sale in sales])

    assert [world.status(sale) for sale in sales] == 2 * [Status.LOCKED]


@pytest.mark.parametrize("status", [Status.PAID, Status.DISPUTED, Status.REFUNDED])
def test_an_order_that_is_closed_is_passed_over(world: World, status: Status) -> None:
    sale = world.sale_in(status)

    assert not world.reveal_keys([sale]).events
    assert not world.finalize_batch([sale]).events
    assert world.status(sale) is status


def test_an_order_that_was_never_posted_refuses_the_whole(world: World) -> None:
    (sale,) = world.many_locked(1)
    never = world.agree(sale.terms, content_id=bytes32("never posted"))

    with world.refuses("OrderMismatch", orderId=never.order_id):
        world.reveal_keys([sale, never])
    assert world.status(sale) is Status.LOCKED


def test_a_step_that_comes_too_early_refuses_the_whole(world: World) -> None:
    """After a reorg a dispute may run before the reveal that it answers: it must not seem done."""
    locked = world.locked()
    dispute = world.encoded("dispute", locked.order.abi_values(), locked.key, locked.sealed.proof(0).abi_values())

    for call in (dispute, world.encoded("finalize", locked.order.abi_values())):
        with world.refuses("StatusMismatch", orderId=locked.order_id, actual=Status.LOCKED):
            world.batch([call])


def test_money_cannot_be_sent_along_and_counted_twice(world: World) -> None:
    deposit = world.encoded("deposit", NATIVE_TOKEN, PRICE)

    with world.refuses("ValueMismatch", expected=PRICE, actual=0):
        world.batch([deposit, deposit])
    with ape.reverts():
        world.batch([deposit, deposit], value=PRICE, gas=500_000)
    assert world.settlement.balance == 0


def test_each_order_comes_with_its_own_receipt(world: World) -> None:
    sales = world.many_locked(2, require_receipt=True)
    receipts = [world.receipt(sale) for sale in sales]

    with world.refuses("BuyerSignatureInvalid", buyer=world.buyer.address):
        world.reveal_keys(sales, receipts[::-1])
    world.reveal_keys(sales, receipts)

    assert [world.status(sale) for sale in sales] == 2 * [Status.REVEALED]


def test_an_empty_batch_is_no_error(world: World) -> None:
    assert not world.batch([]).events


def test_sixty_five_calls_are_too_many(world: World) -> None:
    with world.refuses("BatchTooLarge", length=65, maximum=64):
        world.batch([b""] * 65)


def test_what_is_no_call_refuses_the_whole(world: World) -> None:
    with ape.reverts():
        world.batch([bytes(4)])
