"""revealData: small data itself goes on chain, is hashed there, and is paid at once."""

from collections.abc import Sequence
from typing import Any

import pytest

from assay.protocol.structs import Status
from tests.contracts.sale import CHUNK, Sale, Sealed
from tests.contracts.world import ETHER, PRICE, Currency, World, bytes32

pytestmark = pytest.mark.integration

TRANSACTION_GAS = 2**24
"""Most that EIP-7825 lets one transaction use."""


def reveal_data(
    world: World,
    sale: Sale,
    *,
    chunk_size: int = CHUNK,
    plain: bytes | None = None,
    digests: Sequence[bytes] | None = None,
) -> Any:
    """What ``world.reveal_data`` sends, altered."""
    return world.settlement.revealData(
        sale.order.abi_values(),
        chunk_size,
        sale.sealed.plain if plain is None else plain,
        sale.sealed.sealed_digests if digests is None else digests,
        sender=world.relayer,
    )


def test_the_seller_is_paid_price_and_bond_at_once(world: World, currency: Currency, seller) -> None:
    bond = PRICE // 4
    sale = world.locked(token=currency.address, seller_bond=bond)
    before = currency.balance(seller)

    receipt = world.reveal_data(sale)

    assert currency.balance(seller) == before + PRICE + bond
    assert currency.balance(world.settlement) == world.budget(sale.terms) == ETHER - PRICE
    assert world.status(sale) is Status.PAID
    assert world.settlement.DataRevealed(orderId=sale.order_id) in receipt.events
    paid = world.settlement.OrderPaid(orderId=sale.order_id, seller=seller.address, amount=PRICE + bond)
    assert paid in receipt.events


@pytest.mark.parametrize("data_bytes", [1, 1007, 1008, 1009, 2016, 5 * 1008 + 1])
def test_data_of_any_length_is_accepted(world: World, data_bytes: int) -> None:
    sale = world.locked(sealed=Sealed.of(bytes(data_bytes)))

    world.reveal_data(sale)

    assert world.status(sale) is Status.PAID


def test_data_that_nearly_fills_a_transaction_is_accepted(world: World) -> None:
    sale = world.locked(sealed=Sealed.of(bytes(range(1, 256)) * 1600, 16384))

    receipt = world.reveal_data(sale, gas_limit=TRANSACTION_GAS)

    assert world.status(sale) is Status.PAID
    assert 0.95 * TRANSACTION_GAS < receipt.gas_used < TRANSACTION_GAS


def test_a_wrong_lock_does_not_matter_where_the_data_itself_is_shown(world: World) -> None:
    sale = world.locked(key=bytes32("wrong key"))

    world.reveal_data(sale)

    assert world.status(sale) is Status.PAID


def test_the_last_second_of_the_reveal_window_is_in_time(world: World) -> None:
    sale = world.locked()
    world.at(world.deadline(sale))

    world.reveal_data(sale)

    assert world.status(sale) is Status.PAID


def test_the_second_after_the_reveal_window_is_late(world: World) -> None:
    sale = world.locked()
    deadline = world.deadline(sale)
    world.at(deadline + 1)

    with world.refuses("DeadlinePassed", deadline=deadline):
        world.reveal_data(sale)


@pytest.mark.parametrize("status", [Status.REVEALED, Status.PAID, Status.DISPUTED, Status.REFUNDED])
def test_only_a_locked_order_is_paid_for_its_data(world: World, status: Status) -> None:
    sale = world.sale_in(status)

    with world.refuses("StatusMismatch", orderId=sale.order_id, actual=status):
        world.reveal_data(sale)


def test_an_order_that_was_never_posted_is_refused(world: World) -> None:
    sale = world.sale_in(Status.NONE)

    with world.refuses("OrderMismatch", orderId=sale.order_id):
        world.reveal_data(sale)


@pytest.mark.parametrize("position", [0, 16, 1023, 1024, 3135])
def test_one_flipped_bit_of_data_or_salt_is_refused(world: World, position: int) -> None:
    sale = world.locked()
    plain = bytearray(sale.sealed.plain)
    plain[position] ^= 1

    with world.refuses("CommitmentMismatch", expected=sale.order.data_root):
        reveal_data(world, sale, plain=bytes(plain))


def test_the_same_chunks_in_another_order_are_refused(world: World) -> None:
    sale = world.locked()
    plain, digests = sale.sealed.plain, list(sale.sealed.sealed_digests)
    digests[0], digests[1] = digests[1], digests[0]

    with world.refuses("CommitmentMismatch"):
        reveal_data(world, sale, plain=plain[1024:2048] + plain[:1024] + plain[2048:], digests=digests)


def test_data_cut_short_is_refused(world: World) -> None:
    sale = world.locked()

    with world.refuses("CommitmentMismatch"):
        reveal_data(world, sale, plain=sale.sealed.plain[:-1])


def test_a_digest_of_other_ciphertext_is_refused(world: World) -> None:
    sale = world.locked()
    digests = [bytes32("other ciphertext"), *sale.sealed.sealed_digests[1:]]

    with world.refuses("CommitmentMismatch"):
        reveal_data(world, sale, digests=digests)


@pytest.mark.parametrize("count", [0, 3, 5])
def test_a_digest_for_every_chunk_is_needed(world: World, count: int) -> None:
    sale = world.locked()
    digests = (sale.sealed.sealed_digests * 2)[:count]

    with world.refuses("LengthMismatch", expected=4, actual=count):
        reveal_data(world, sale, digests=digests)


@pytest.mark.parametrize("chunk_size", [0, 1, 1000, 32768, 2**32 - 1])
def test_a_chunk_size_that_is_not_permitted_is_refused(world: World, chunk_size: int) -> None:
    sale = world.locked()

    with world.refuses("LayoutInvalid", totalBytes=3136, chunkSize=chunk_size):
        reveal_data(world, sale, chunk_size=chunk_size)


def test_the_same_bytes_in_chunks_of_another_size_are_refused(world: World) -> None:
    sale = world.locked()

    with world.refuses("CommitmentMismatch"):
        reveal_data(world, sale, chunk_size=2048, digests=sale.sealed.sealed_digests[:2])


def test_no_data_is_no_layout(world: World) -> None:
    sale = world.locked()

    with world.refuses("LayoutInvalid", totalBytes=0, chunkSize=1024):
        reveal_data(world, sale, plain=b"", digests=[])
