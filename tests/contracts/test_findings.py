"""What reference contracts of the field got wrong, each tried on this one."""

from itertools import permutations
from typing import Any

import pytest

from assay.protocol.seal import read_index
from assay.protocol.structs import Status
from tests.contracts.sale import Sealed
from tests.contracts.world import ETHER, HOUR, PRICE, World, bytes32

pytestmark = pytest.mark.integration

CURVE_ORDER = 21888242871839275222246405745257275088548364400416034343698204186575808495617
"""Of BN254's scalars."""


def test_fairswap_complaint_with_unrelated_indices_does_not_convict_an_honest_seller(world: World) -> None:
    sale = world.revealed()
    proofs = [sale.sealed.proof(i) for i in range(3)]

    for here, there in permutations(proofs, 2):
        for foreign in ("index", "plain_digest", "sealed_chunk", "path"):
            mixed = here.model_copy(update={foreign: getattr(there, foreign)})
            with world.refuses("CommitmentMismatch", expected=sale.order.data_root):
                world.dispute(sale, mixed)


def test_fairswap_two_time_pad_no_block_of_key_stream_is_used_twice_or_on_anything_public(world: World) -> None:
    sealed = Sealed.of(bytes(8 * 1008))
    index = read_index(sealed.file)
    entries = sealed.file.getvalue()[64 : index.layout.body_offset]
    body = sealed.file.getvalue()[index.layout.body_offset :]
    stream = bytes(a ^ b for a, b in zip(body, sealed.plain, strict=True))

    blocks = {stream[i : i + 64] for i in range(0, len(stream), 64)}
    assert len(blocks) == len(stream) // 64
    public = [index.data_root, *(entries[i : i + 32] for i in range(0, len(entries), 32))]
    assert not any(digest in body or digest in stream for digest in public)
    sale = world.revealed(sealed=sealed)
    for i in range(8):
        with world.refuses("ChunkMatches", index=i):
            world.dispute(sale, sealed.proof(i))


@pytest.mark.parametrize(("chunks", "depth"), [(1, 0), (2, 1), (3, 2), (9, 4), (33, 6)])
def test_fairswap_fixed_depth_an_honest_buyer_wins_at_every_depth(world: World, chunks: int, depth: int) -> None:
    sale = world.revealed(sealed=Sealed.of(bytes(chunks * 1008)).with_bad_chunk(0))

    assert len(sale.sealed.proof(0).path) == depth
    world.dispute(sale, sale.sealed.proof(0))

    assert world.status(sale) is Status.DISPUTED
    assert world.budget(sale.terms) == ETHER


def test_reusable_fairswap_returns_true_garbage_proofs_are_refused(world: World) -> None:
    sale = world.revealed()
    proof = sale.sealed.proof(0)
    garbage = {
        "path": tuple(bytes32(f"garbage {i}") for i in range(len(proof.path))),
        "plain_digest": bytes32("garbage"),
        "sealed_chunk": bytes(len(proof.sealed_chunk)),
    }

    for field in garbage:
        with world.refuses("CommitmentMismatch", expected=sale.order.data_root):
            world.dispute(sale, proof.model_copy(update={field: garbage[field]}))
    with world.refuses("CommitmentMismatch", expected=sale.order.data_root):
        world.dispute(sale, proof.model_copy(update=garbage))


def test_smartjudge_inverted_timeout_the_buyer_does_not_take_all_at_once(world: World) -> None:
    sale = world.locked(seller_bond=PRICE)

    with world.refuses("DeadlineNotPassed", deadline=world.deadline(sale)):
        world.refund(sale, sender=world.buyer)
    world.reveal(sale)
    with world.refuses("DeadlineNotPassed", deadline=world.deadline(sale)):
        world.finalize(sale)


def test_optiswap_abort_a_stranger_cancels_nothing(world: World, mallory) -> None:
    sale = world.locked()
    stop = "0x0000000000000000000000000000000000000000"

    with world.refuses("DeadlineNotPassed"):
        world.refund(sale, sender=mallory)
    with world.refuses("CallerNotOwner", expected=world.buyer.address, actual=mallory.address):
        world.settlement.setOracle(sale.terms.abi_values(), stop, sender=mallory)
    with world.refuses("BuyerSignatureInvalid", buyer=world.buyer.address):
        world.settle(sale, world.acknowledgement(sale, signer=mallory), sender=mallory)
    world.reveal(sale)

    assert world.status(sale) is Status.REVEALED


@pytest.mark.parametrize("length", [0, 1])
def test_optiswap_out_of_bounds_read_a_path_that_ends_early_is_named(world: World, length: int) -> None:
    sale = world.revealed(key=bytes32("wrong key"))
    proof = sale.sealed.proof(1)

    with world.refuses("ProofLengthMismatch", expected=length + 1, actual=length):
        world.dispute(sale, proof.model_copy(update={"path": proof.path[:length]}))
    world.dispute(sale, proof)

    assert world.status(sale) is Status.DISPUTED


@pytest.mark.parametrize("trivial", [bytes(32), bytes(31) + b"\1", b"\xff" * 32], ids=["0", "1", "all ones"])
def test_fde_paillier_trivial_key_opens_nothing(world: World, trivial: bytes) -> None:
    sale = world.locked()

    with world.refuses("KeyMismatch", orderId=sale.order_id):
        world.reveal(sale.with_(key=trivial))
    with world.refuses("KeyMismatch", orderId=sale.order_id):
        world.reveal(sale.with_(key=sale.order.key_hash))


@pytest.mark.parametrize("modulus", [2**256, CURVE_ORDER], ids=["word", "curve"])
def test_fde_bn254_negated_key_opens_nothing(world: World, modulus: int) -> None:
    key = (12345).to_bytes(32, "big")
    sale = world.locked(sealed=Sealed.of(b"data", key=key))
    negated = (modulus - 12345).to_bytes(32, "big")

    with world.refuses("KeyMismatch", orderId=sale.order_id):
        world.reveal(sale.with_(key=negated))


def test_fde_bn254_no_window_is_the_sellers_to_choose_or_without_bound(world: World) -> None:
    with world.refuses("WindowOutOfBounds", window=30 * 24 * HOUR + 1):
        world.register(world.terms(reveal_window=30 * 24 * HOUR + 1))
    sale = world.locked()
    longer = sale.with_(order=sale.order.model_copy(update={"dispute_window": 30 * 24 * HOUR}))

    with world.refuses("OrderMismatch", orderId=sale.order_id):
        world.reveal(longer)


def test_fde_bn254_one_seller_has_many_orders_with_one_buyer(world: World) -> None:
    sales = world.many_locked(2)

    assert [world.status(sale) for sale in sales] == [Status.LOCKED, Status.LOCKED]


@pytest.mark.parametrize("proof", [b"", b"any bytes", bytes(65)], ids=["none", "some", "zeros"])
def test_ocean_escrow_any_bytes_prove_no_delivery(world: World, proof: Any) -> None:
    sale = world.locked(require_receipt=True)

    with world.refuses("BuyerSignatureInvalid", buyer=world.buyer.address):
        world.settle(sale, proof)
    with world.refuses("BuyerSignatureInvalid", buyer=world.buyer.address):
        world.reveal(sale, proof)
    plain = (proof + bytes(3136))[:3136]
    with world.refuses("CommitmentMismatch", expected=sale.order.data_root):
        world.settlement.revealData(
            sale.order.abi_values(), 1024, plain, sale.sealed.sealed_digests, sender=world.seller
        )
    assert world.status(sale) is Status.LOCKED
