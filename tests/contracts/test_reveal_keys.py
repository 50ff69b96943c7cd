"""revealKeys: many keys in one transaction, all that are due or none."""

from collections.abc import Sequence
from typing import Any

import pytest

from assay.protocol.types import Status
from tests.contracts.sale import Sale
from tests.contracts.world import PRICE, World, bytes32

pytestmark = pytest.mark.integration


def reveal_keys(world: World, sales: Sequence[Sale], receipts: Sequence[bytes] | None = None) -> Any:
    orders = [sale.order.abi_values() for sale in sales]
    keys = [sale.key for sale in sales]
    return world.settlement.revealKeys(orders, keys, receipts or [b""] * len(sales), sender=world.relayer)


def test_every_order_is_revealed_as_by_itself(world: World) -> None:
    sales = world.many_locked(3)

    receipt = reveal_keys(world, sales)

    assert [world.status(sale) for sale in sales] == 3 * [Status.REVEALED]
    assert [event.orderId for event in receipt.events] == [sale.order_id for sale in sales]
    assert [event.key for event in receipt.events] == [sale.key for sale in sales]


def test_one_wrong_key_refuses_the_whole(world: World) -> None:
    sales = world.many_locked(2)
    wrong = sales[1].with_(key=bytes32("wrong"))

    with world.refuses("KeyMismatch", orderId=wrong.order_id):
        reveal_keys(world, [sales[0], wrong])
    assert world.status(sales[0]) is Status.LOCKED


def test_an_order_is_not_revealed_twice_in_one_batch(world: World) -> None:
    (sale,) = world.many_locked(1)

    receipt = reveal_keys(world, [sale, sale])

    assert [event.orderId for event in receipt.events] == [sale.order_id]


def test_whoever_copies_one_key_from_the_mempool_stops_no_batch(world: World, mallory) -> None:
    sales = world.many_locked(3)
    world.reveal(sales[1], sender=mallory)
    first_deadline = world.deadline(sales[1])

    reveal_keys(world, sales)

    assert [world.status(sale) for sale in sales] == 3 * [Status.REVEALED]
    assert world.deadline(sales[1]) == first_deadline


@pytest.mark.parametrize("status", [Status.PAID, Status.DISPUTED, Status.REFUNDED])
def test_an_order_that_is_closed_is_passed_over(world: World, status: Status) -> None:
    sale = world.sale_in(status)

    assert not reveal_keys(world, [sale]).events
    assert world.status(sale) is status


def test_an_order_that_was_never_posted_refuses_the_whole(world: World) -> None:
    sale = world.sale_in(Status.NONE)

    with world.refuses("OrderMismatch", orderId=sale.order_id):
        reveal_keys(world, [sale])


def test_each_order_comes_with_its_own_receipt(world: World) -> None:
    sales = world.many_locked(2, require_receipt=True)
    receipts = [world.receipt(sale) for sale in sales]

    with world.refuses("BuyerSignatureInvalid", buyer=world.buyer.address):
        reveal_keys(world, sales, receipts[::-1])
    reveal_keys(world, sales, receipts)

    assert [world.status(sale) for sale in sales] == 2 * [Status.REVEALED]


def test_nothing_to_reveal_is_no_error(world: World) -> None:
    assert not world.settlement.revealKeys([], [], [], sender=world.relayer).events


@pytest.mark.parametrize(("keys", "receipts", "counted"), [(1, 2, 1), (3, 2, 3), (2, 1, 1), (2, 3, 3)])
def test_lists_of_different_lengths_are_refused(world: World, keys: int, receipts: int, counted: int) -> None:
    orders = [world.sale_in(Status.NONE).order.abi_values()] * 2

    with world.refuses("LengthMismatch", expected=2, actual=counted):
        world.settlement.revealKeys(orders, [bytes(32)] * keys, [b""] * receipts, sender=world.relayer)


def test_sixty_five_orders_are_too_many(world: World) -> None:
    order = world.sale_in(Status.NONE).order.abi_values()

    with world.refuses("BatchTooLarge", length=65, maximum=64):
        world.settlement.revealKeys([order] * 65, [bytes(32)] * 65, [b""] * 65, sender=world.relayer)


def test_money_does_not_move(world: World, seller) -> None:
    sales = world.many_locked(2)
    held, before = world.settlement.balance, seller.balance

    reveal_keys(world, sales)

    assert world.settlement.balance == held == world.budget(sales[0].terms) + 2 * PRICE
    assert seller.balance == before
