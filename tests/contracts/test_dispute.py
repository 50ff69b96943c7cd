"""dispute: one committed chunk that the revealed key does not open returns the payment."""

from typing import Any

import pytest

from assay.protocol.structs import Status
from assay.protocol.tree import CHUNK_SIZES, ChunkProof
from tests.contracts.sale import Sealed
from tests.contracts.world import ETHER, HOUR, PRICE, Currency, World, bytes32

pytestmark = pytest.mark.integration

WRONG_KEY = bytes32("wrong key")
BOND = PRICE // 4


def test_price_and_bond_go_to_the_models_budget(world: World, currency: Currency) -> None:
    sale = world.revealed(key=WRONG_KEY, token=currency.address, seller_bond=BOND)

    receipt = world.dispute(sale)

    assert world.budget(sale.terms) == ETHER + BOND == currency.balance(world.settlement)
    assert world.status(sale) is Status.DISPUTED
    assert world.settlement.OrderDisputed(orderId=sale.order_id, index=0) in receipt.events


def test_whoever_disputes_gains_nothing(world: World, mallory) -> None:
    sale = world.revealed(key=WRONG_KEY)
    before = mallory.balance

    world.dispute(sale, sender=mallory)

    assert mallory.balance <= before
    assert world.budget(sale.terms) == ETHER


@pytest.mark.parametrize("index", range(4))
def test_any_chunk_that_the_key_does_not_open_will_do(world: World, index: int) -> None:
    sale = world.revealed(key=WRONG_KEY)

    receipt = world.dispute(sale, sale.sealed.proof(index))

    assert world.settlement.OrderDisputed(orderId=sale.order_id, index=index) in receipt.events


@pytest.mark.parametrize("index", range(4))
def test_one_flipped_bit_in_one_chunk_is_enough(world: World, index: int) -> None:
    sale = world.revealed(sealed=world.sealed.with_bad_chunk(index))

    for other in set(range(4)) - {index}:
        with world.refuses("ChunkMatches", index=other):
            world.dispute(sale, sale.sealed.proof(other))
    world.dispute(sale, sale.sealed.proof(index))

    assert world.status(sale) is Status.DISPUTED


@pytest.mark.parametrize("last_bytes", [1, 47, 48, 49, 112, 113, 1008])
def test_a_last_chunk_of_any_length_is_judged_whole(world: World, last_bytes: int) -> None:
    sealed = Sealed.of(bytes(2 * 1008 + last_bytes))
    honest = world.revealed(sealed=sealed)
    spoiled = world.agree(honest.terms, sealed=sealed.with_bad_chunk(2), content_id=bytes32("spoiled"))
    world.post(spoiled)
    world.reveal(spoiled)

    with world.refuses("ChunkMatches", index=2):
        world.dispute(honest, honest.sealed.proof(2))
    world.dispute(spoiled, spoiled.sealed.proof(2))

    assert world.status(spoiled) is Status.DISPUTED


@pytest.mark.parametrize("chunk_size", CHUNK_SIZES)
def test_chunks_of_every_permitted_size_are_disputable_and_no_honest_one_is(world: World, chunk_size: int) -> None:
    honest = Sealed.of(bytes(chunk_size + 100), chunk_size)
    sale = world.revealed(sealed=honest.with_bad_chunk(0))

    with world.refuses("ChunkMatches", index=1):
        world.dispute(sale, sale.sealed.proof(1))
    world.dispute(sale, sale.sealed.proof(0))

    assert world.status(sale) is Status.DISPUTED


@pytest.mark.parametrize("index", range(4))
def test_an_honest_seller_is_never_disputed(world: World, index: int) -> None:
    sale = world.revealed()

    with world.refuses("ChunkMatches", index=index):
        world.dispute(sale, sale.sealed.proof(index))


def test_data_of_one_chunk_is_disputed_without_a_path(world: World) -> None:
    sale = world.revealed(sealed=Sealed.of(b"x"), key=WRONG_KEY)
    proof = sale.sealed.proof(0)

    world.dispute(sale, proof)

    assert proof.path == ()
    assert world.status(sale) is Status.DISPUTED


def test_the_last_second_of_the_dispute_window_is_in_time(world: World) -> None:
    sale = world.revealed(key=WRONG_KEY)
    world.at(world.deadline(sale))

    world.dispute(sale)

    assert world.status(sale) is Status.DISPUTED


def test_the_second_after_the_dispute_window_is_late(world: World) -> None:
    sale = world.revealed(key=WRONG_KEY)
    deadline = world.deadline(sale)
    world.at(deadline + 1)

    with world.refuses("DeadlinePassed", deadline=deadline):
        world.dispute(sale)


@pytest.mark.parametrize("status", [Status.LOCKED, Status.PAID, Status.DISPUTED, Status.REFUNDED])
def test_only_a_revealed_order_is_disputed(world: World, status: Status) -> None:
    sale = world.sale_in(status)

    with world.refuses("StatusMismatch", orderId=sale.order_id, actual=status):
        world.dispute(sale)


def test_an_order_that_was_never_posted_is_refused(world: World) -> None:
    sale = world.sale_in(Status.NONE)

    with world.refuses("OrderMismatch", orderId=sale.order_id):
        world.dispute(sale)


def test_a_key_that_was_not_revealed_makes_no_chunk_bad(world: World) -> None:
    sale = world.revealed()

    with world.refuses("KeyMismatch", orderId=sale.order_id):
        world.dispute(sale, key=WRONG_KEY)


def altered(proof: ChunkProof, **changes: Any) -> ChunkProof:
    return proof.model_copy(update=changes)


def test_a_chunk_shown_at_another_place_is_refused(world: World) -> None:
    sale = world.revealed()
    first, second = sale.sealed.proof(0), sale.sealed.proof(1)

    with world.refuses("CommitmentMismatch"):
        world.dispute(sale, altered(first, index=1))
    with world.refuses("CommitmentMismatch"):
        world.dispute(sale, altered(first, index=1, path=second.path))


def test_the_plaintext_digest_of_another_chunk_is_refused(world: World) -> None:
    sale = world.revealed()
    foreign = sale.sealed.proof(1).plain_digest

    with world.refuses("CommitmentMismatch"):
        world.dispute(sale, altered(sale.sealed.proof(0), plain_digest=foreign))


def test_the_ciphertext_of_another_chunk_is_refused(world: World) -> None:
    sale = world.revealed()
    foreign = sale.sealed.proof(1).sealed_chunk

    with world.refuses("CommitmentMismatch"):
        world.dispute(sale, altered(sale.sealed.proof(0), sealed_chunk=foreign))


def test_the_path_of_another_chunk_is_refused(world: World) -> None:
    sale = world.revealed()

    with world.refuses("CommitmentMismatch"):
        world.dispute(sale, altered(sale.sealed.proof(0), path=sale.sealed.proof(2).path))


def test_a_chunk_of_another_file_is_refused(world: World) -> None:
    sale = world.revealed()
    foreign = Sealed.of(bytes(range(255, -1, -1)) * 12).proof(0)

    with world.refuses("CommitmentMismatch", expected=sale.order.data_root):
        world.dispute(sale, foreign)


@pytest.mark.parametrize(("length", "needed"), [(0, 1), (1, 2), (3, 2), (40, 2)])
def test_a_path_that_is_too_short_or_too_long_is_refused(world: World, length: int, needed: int) -> None:
    sale = world.revealed()
    proof = sale.sealed.proof(0)
    path = (proof.path * 20)[:length]

    with world.refuses("ProofLengthMismatch", expected=needed, actual=length):
        world.dispute(sale, altered(proof, path=path))


def test_an_index_behind_the_last_chunk_is_refused(world: World) -> None:
    sale = world.revealed()

    with world.refuses("ChunkIndexOutOfBounds", index=4, count=4):
        world.dispute(sale, altered(sale.sealed.proof(3), index=4))


@pytest.mark.parametrize("cut", [-1, 1])
def test_a_chunk_of_another_length_is_refused(world: World, cut: int) -> None:
    sale = world.revealed()
    proof = sale.sealed.proof(3)
    chunk = (proof.sealed_chunk + b"\0")[: len(proof.sealed_chunk) + cut]

    with world.refuses("ChunkLengthMismatch", expected=64, actual=64 + cut):
        world.dispute(sale, altered(proof, sealed_chunk=chunk))


def test_another_layout_of_the_same_chunks_is_refused(world: World) -> None:
    sale = world.revealed()

    with world.refuses("CommitmentMismatch"):
        world.dispute(sale, altered(sale.sealed.proof(0), total_bytes=sale.sealed.commitment.total_bytes + 1))


@pytest.mark.parametrize(
    ("total_bytes", "chunk_size"),
    [(3136, 0), (3136, 512), (3136, 1025), (3136, 1536), (65536, 32768), (16, 1024), (1040, 1024), (2**38 + 1, 1024)],
)
def test_a_layout_that_is_not_permitted_is_refused(world: World, total_bytes: int, chunk_size: int) -> None:
    sale = world.revealed()

    with world.refuses("LayoutInvalid", totalBytes=total_bytes, chunkSize=chunk_size):
        world.dispute(sale, altered(sale.sealed.proof(0), total_bytes=total_bytes, chunk_size=chunk_size))


def test_a_budget_that_is_full_does_not_hold_the_dispute_up(world: World, token) -> None:
    sale = world.revealed(key=WRONG_KEY, token=token.address)
    room = 2**96 - 1 - (ETHER - PRICE)
    token.mint(world.buyer, room, sender=world.buyer)
    token.approve(world.settlement, room, sender=world.buyer)
    world.fund(sale.terms, room)

    receipt = world.dispute(sale)

    assert world.status(sale) is Status.DISPUTED
    assert world.budget(sale.terms) == 2**96 - 1
    assert world.credit(world.buyer, token.address) == PRICE
    credited = world.settlement.Credited(token=token.address, account=world.buyer.address, amount=PRICE)
    assert credited in receipt.events


def test_a_disputed_order_is_never_paid(world: World) -> None:
    sale = world.sale_in(Status.DISPUTED)
    world.at(world.now + 10 * HOUR)

    with world.refuses("StatusMismatch", orderId=sale.order_id, actual=Status.DISPUTED):
        world.finalize(sale)
    with world.refuses("StatusMismatch", orderId=sale.order_id, actual=Status.DISPUTED):
        world.settle(sale)
