"""Attacks on a sale, numbered as in `docs/security.md`, that a contract can answer.

Where the specification of one entry point answers an attack, the test stands there:

     1  wrong chunk              test_dispute: one flipped bit in one chunk is enough; last chunks of any length
     2  roots of other data      test_post: a quote altered after signing [data_root]; test_reveal_key: receipts
     3  the seller is silent     test_refund
     4  reveal at the last second  test_reveal_key: the dispute window is whole however late the reveal
     6  fake dispute             test_dispute: an honest seller is never disputed; test_findings
    10  censorship               test_register_model: windows outside their bounds are refused
    12  mispricing               test_post: prices out of bounds, the seller must have accepted; test_committee
    13  equivocation             test_report_equivocation
    17  hostile wallets          test_wallets
    18  odd tokens               test_fund, test_deposit, test_bond_oracle, test_payees
    19  payees that refuse       test_payees
    20  permit front-running     test_fund_with_permit
    23  privacy                  test_settle: the key stays secret

The others are below. 11 is answered as far as a contract can: the seller's client waits for finality.
"""

from typing import Any

import pytest
from eth_account.messages import encode_typed_data

from assay.protocol.statements import Domain
from assay.protocol.structs import Status
from assay.protocol.types import NATIVE_TOKEN
from tests.contracts.sale import Sealed
from tests.contracts.world import ETHER, PRICE, World, bytes32

pytestmark = pytest.mark.integration

SECP256K1_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
TRANSACTION_GAS = 2**24


def test_05_a_thief_who_copies_a_sale_from_the_mempool_sells_for_its_owner(world: World, mallory, seller) -> None:
    sale = world.agree(world.open())
    before = seller.balance
    own = sale.with_(quote=sale.quote.model_copy(update={"seller": mallory.address}))

    with world.refuses("QuoteSignatureInvalid", oracle=world.oracle.address):
        world.post(own, sender=mallory)
    world.post(sale, sender=mallory)
    world.settle(sale, sender=mallory)

    assert seller.balance == before + PRICE


def test_05_a_thief_with_a_quote_for_the_same_records_comes_too_late(world: World, mallory) -> None:
    sale = world.locked()
    world.seller = mallory

    with world.refuses("PairUsed", orderId=sale.order_id, status=Status.LOCKED):
        world.post(world.agree(sale.terms))


def test_07_a_buyer_does_not_burn_a_pair_without_its_seller(world: World) -> None:
    sale = world.agree(world.open(), price=1)
    unaccepted = sale.with_(seller_signature=world.sign(world.buyer, world.domain.quote(sale.quote)))

    with world.refuses("AcceptanceSignatureInvalid", seller=world.seller.address):
        world.post(unaccepted, sender=world.buyer)
    assert world.status(sale) is Status.NONE


@pytest.mark.parametrize("offset", [-1, 0, 1, 2])
def test_08_no_second_lets_a_buyer_see_the_key_and_take_the_refund(world: World, offset: int) -> None:
    sale = world.locked()
    deadline = world.deadline(sale)
    before = world.chain.snapshot()

    world.at(deadline + offset)
    if offset <= 0:
        with world.refuses("DeadlineNotPassed", deadline=deadline):
            world.refund(sale)
    else:
        with world.refuses("DeadlinePassed", deadline=deadline):
            world.reveal(sale)
    world.chain.restore(before)
    world.at(deadline + offset)
    (world.reveal if offset <= 0 else world.refund)(sale)

    assert world.status(sale) is (Status.REVEALED if offset <= 0 else Status.REFUNDED)


def test_09_whoever_sends_the_steps_of_a_sale_the_payees_are_the_same(world: World, mallory, seller) -> None:
    terms = world.open()
    sales = [world.agree(terms, content_id=bytes32(name)) for name in ("finalized", "refunded", "settled", "shown")]
    before, mallorys = seller.balance, mallory.balance

    for sale in sales:
        world.post(sale, sender=mallory)
    world.settle(sales[2], sender=mallory)
    world.reveal_data(sales[3], sender=mallory)
    world.reveal(sales[0], sender=mallory)
    world.at(world.deadline(sales[0]) + 1)
    world.finalize(sales[0], sender=mallory)
    world.refund(sales[1], sender=mallory)

    assert seller.balance == before + 3 * PRICE
    assert world.budget(terms) == ETHER - 3 * PRICE
    assert mallory.balance < mallorys
    assert world.credit(mallory) == 0


def test_11_a_sale_posted_again_after_a_reorganisation_is_the_same_sale(world: World) -> None:
    sale = world.agree(world.open())
    before = world.chain.snapshot()
    world.post(sale)
    first = world.settlement.orderState(sale.order_id)[2]
    world.chain.restore(before)
    world.chain.mine(3)

    world.post(sale)
    world.reveal(sale)

    assert world.settlement.orderState(sale.order_id)[2] == first
    assert world.status(sale) is Status.REVEALED


def test_14_a_thief_of_the_oracles_key_takes_no_more_than_the_budget(world: World, mallory) -> None:
    terms = world.open(budget=2 * PRICE, max_price=PRICE)
    world.seller = mallory
    for i in range(2):
        world.post(world.agree(terms, content_id=bytes32(f"nothing {i}")))

    with world.refuses("BudgetTooSmall", required=PRICE, available=0):
        world.post(world.agree(terms, content_id=bytes32("nothing more")))
    with world.refuses("PriceOutOfBounds", price=PRICE + 1, maximum=PRICE):
        world.post(world.agree(terms, content_id=bytes32("dear"), price=PRICE + 1))


def test_14_a_stolen_key_is_dead_the_moment_that_the_owner_says_so(world: World, heir) -> None:
    terms = world.open()
    stolen = world.agree(terms)
    world.settlement.setOracle(terms.abi_values(), NATIVE_TOKEN, sender=world.buyer)

    with world.refuses("ModelHalted", modelId=world.model_id(terms)):
        world.post(stolen)
    world.settlement.setOracle(terms.abi_values(), heir.address, sender=world.buyer)
    with world.refuses("QuoteSignatureInvalid", oracle=heir.address):
        world.post(stolen)


@pytest.mark.parametrize(
    "elsewhere",
    [{"chain_id": 1}, {"contract": "0x00000000000000000000000000000000000000C0"}],
    ids=["another chain", "another contract"],
)
def test_15_what_was_signed_for_elsewhere_is_worth_nothing_here(world: World, elsewhere: dict[str, Any]) -> None:
    sale = world.agree(world.open())
    there = Domain(**({"chain_id": world.domain.chain_id, "contract": world.domain.contract} | elsewhere))

    with world.refuses("QuoteSignatureInvalid", oracle=world.oracle.address):
        world.post(sale.with_(oracle_signature=world.sign(world.oracle, there.quote(sale.quote))))
    acknowledged = world.sign(world.buyer, there.acknowledgement(sale.order.digest()))
    world.post(sale)
    with world.refuses("BuyerSignatureInvalid", buyer=world.buyer.address):
        world.settle(sale, acknowledged)


def test_15_what_was_signed_for_another_version_is_worth_nothing_here(world: World) -> None:
    sale = world.locked()
    other_version = encode_typed_data(
        domain_data={
            "name": "Assay",
            "version": "2",
            "chainId": world.domain.chain_id,
            "verifyingContract": world.domain.contract,
        },
        message_types={"Acknowledgement": [{"name": "orderDigest", "type": "bytes32"}]},
        message_data={"orderDigest": sale.order.digest()},
    )

    with world.refuses("BuyerSignatureInvalid", buyer=world.buyer.address):
        world.settle(sale, world.sign(world.buyer, other_version))


def twins(signature: bytes) -> dict[str, bytes]:
    """Other encodings of one signature."""
    r, s, v = signature[:32], int.from_bytes(signature[32:64], "big"), signature[64]
    high = (SECP256K1_ORDER - s).to_bytes(32, "big")
    compact = (s | (v - 27) << 255).to_bytes(32, "big")
    return {
        "high s": r + high + bytes([55 - v]),
        "v from 0": signature[:64] + bytes([v - 27]),
        "compact": r + compact,
        "zero": bytes(64) + bytes([v]),
    }


@pytest.mark.parametrize("form", ["high s", "v from 0", "compact", "zero"])
def test_16_a_signature_has_one_form(world: World, form: str) -> None:
    sale = world.agree(world.open())

    with world.refuses("QuoteSignatureInvalid", oracle=world.oracle.address):
        world.post(sale.with_(oracle_signature=twins(sale.oracle_signature)[form]))


def test_16_nobody_signs_for_the_zero_address(world: World) -> None:
    sale = world.agree(world.open(), seller=NATIVE_TOKEN)

    with world.refuses("AcceptanceSignatureInvalid", seller=NATIVE_TOKEN):
        world.post(sale.with_(seller_signature=bytes(65)))


def test_21_a_quote_by_another_price_function_is_for_another_model(world: World) -> None:
    old = world.open(function_hash=bytes32("old function"))
    new = world.open(function_hash=bytes32("new function"))
    stale = world.agree(old)

    with world.refuses("ModelMismatch", expected=world.model_id(new), actual=world.model_id(old)):
        world.post(stale.with_(terms=new))


def test_22_a_model_that_was_halted_keeps_nobody_from_ending_a_sale(world: World) -> None:
    terms = world.open()
    kept, silent = (world.agree(terms, content_id=bytes32(name)) for name in ("kept", "silent"))
    bad = world.agree(terms, content_id=bytes32("bad"), key=bytes32("wrong key"))
    for sale in (kept, silent, bad):
        world.post(sale)
    world.settlement.setOracle(terms.abi_values(), NATIVE_TOKEN, sender=world.buyer)

    world.reveal(kept)
    world.reveal(bad)
    world.dispute(bad)
    world.at(world.deadline(kept) + 1)
    world.finalize(kept)
    world.refund(silent)

    assert [world.status(sale) for sale in (kept, silent, bad)] == [Status.PAID, Status.REFUNDED, Status.DISPUTED]


def test_22_the_contract_cannot_be_replaced_or_destroyed(world: World) -> None:
    """Only `batch` runs code in the contract's place: its own."""
    code = bytes(world.chain.provider.get_code(world.settlement.address))
    callcode, delegatecall, selfdestruct, invalid = 0xF2, 0xF4, 0xFF, 0xFE

    opcodes, position = [], 0
    while code[position] != invalid:  # constants and metadata lie behind it
        opcodes.append(code[position])
        position += 1 + (code[position] - 0x5F if 0x60 <= code[position] <= 0x7F else 0)

    assert position > 10_000
    assert callcode not in opcodes
    assert selfdestruct not in opcodes
    assert opcodes.count(delegatecall) == 1


def test_24_the_costliest_dispute_fits_a_transaction_many_times(world: World) -> None:
    sale = world.revealed(sealed=Sealed.of(bytes(range(1, 256)) * 700, 16384), key=bytes32("wrong key"))

    receipt = world.dispute(sale)

    assert receipt.gas_used < TRANSACTION_GAS / 6


def test_24_a_full_batch_fits_a_transaction(world: World) -> None:
    sales = world.many_locked(64, budget=64 * PRICE)

    revealed = world.reveal_keys(sales)
    world.at(world.deadline(sales[0]) + 1)
    finalized = world.finalize_batch(sales)

    assert revealed.gas_used < TRANSACTION_GAS / 6
    assert finalized.gas_used < TRANSACTION_GAS / 6
