"""ERC-1271: smart wallets sell and buy, a committee prices."""

import pytest

from assay.protocol.statements import digest
from assay.protocol.structs import Status
from tests.contracts.world import ETHER, HOUR, PRICE, World

pytestmark = pytest.mark.integration

MOODS = ["Honest", "ApproveAll", "Revert", "Burn", "Bomb", "ShortAnswer", "WrongAnswer"]


def test_a_wallet_sells_with_its_owners_signature(world: World, project) -> None:
    wallet = world.relayer.deploy(project.Wallet, world.seller)
    sale = world.agree(world.open(), seller=wallet.address)

    world.post(sale)
    world.reveal(sale)
    world.at(world.deadline(sale) + 1)
    world.finalize(sale)

    assert wallet.balance == PRICE


def test_a_wallet_does_not_sell_with_a_strangers_signature(world: World, project, mallory) -> None:
    wallet = world.relayer.deploy(project.Wallet, world.seller)
    sale = world.agree(world.open(), seller=wallet.address)
    message = world.domain.acceptance(digest(world.domain.quote(sale.quote)), sale.order.key_hash)

    with world.refuses("AcceptanceSignatureInvalid", seller=wallet.address):
        world.post(sale.with_(seller_signature=world.sign(mallory, message)))


def test_an_acceptance_by_one_wallet_is_none_by_another_of_the_same_owner(world: World, project) -> None:
    one, other = (world.relayer.deploy(project.Wallet, world.seller) for _ in range(2))
    terms = world.open()
    accepted = world.agree(terms, seller=one.address)
    replayed = world.agree(terms, seller=other.address).with_(seller_signature=accepted.seller_signature)

    with world.refuses("AcceptanceSignatureInvalid", seller=other.address):
        world.post(replayed)


@pytest.mark.parametrize("mood", MOODS[2:])
def test_a_wallet_that_does_not_plainly_say_yes_says_no(world: World, project, mood: str) -> None:
    wallet = world.relayer.deploy(project.MoodyWallet, world.seller)
    sale = world.agree(world.open(), seller=wallet.address)
    wallet.feel(MOODS.index(mood), sender=world.seller)

    with world.refuses("AcceptanceSignatureInvalid", seller=wallet.address):
        world.post(sale)


def test_what_a_wallet_says_yes_to_is_its_own_affair(world: World, project) -> None:
    wallet = world.relayer.deploy(project.MoodyWallet, world.seller)
    sale = world.agree(world.open(), seller=wallet.address)
    wallet.feel(MOODS.index("ApproveAll"), sender=world.seller)

    world.post(sale.with_(seller_signature=b""))

    assert world.status(sale) is Status.LOCKED


def test_a_wallet_that_writes_when_it_is_asked_is_refused(world: World, project) -> None:
    wallet = world.relayer.deploy(project.ScribblingWallet)

    with world.refuses("AcceptanceSignatureInvalid", seller=wallet.address):
        world.post(world.agree(world.open(), seller=wallet.address))


def test_an_account_without_code_is_no_wallet(world: World, mallory) -> None:
    sale = world.agree(world.open(), seller=mallory.address)

    with world.refuses("AcceptanceSignatureInvalid", seller=mallory.address):
        world.post(sale)


def test_an_account_that_has_key_and_code_signs_with_its_key(world: World, project) -> None:
    sale = world.agree(world.open())
    refusing = world.relayer.deploy(project.BouncingWallet, world.relayer)
    world.chain.provider.set_code(world.seller.address, world.chain.provider.get_code(refusing.address))

    world.post(sale)

    assert world.status(sale) is Status.LOCKED


def test_a_wallet_buys(world: World, project) -> None:
    wallet = world.relayer.deploy(project.Wallet, world.buyer)
    terms = world.terms(owner=wallet.address, require_receipt=True)
    register = world.settlement.registerModel.encode_input(terms.abi_values(), world.oracle.address)
    wallet.execute(world.settlement, register, sender=world.buyer)
    world.fund(terms)
    sale = world.agree(terms)
    world.post(sale)

    with world.refuses("BuyerSignatureInvalid", buyer=wallet.address):
        world.reveal(sale, world.receipt(sale, signer=world.seller))
    world.reveal(sale, world.receipt(sale))
    with world.refuses("BuyerSignatureInvalid", buyer=wallet.address):
        world.settle(sale, world.acknowledgement(sale, signer=world.seller))
    world.settle(sale)

    assert world.status(sale) is Status.PAID


def test_a_wallet_that_buys_is_refunded_into_its_budget_and_withdraws_it(world: World, project, heir) -> None:
    wallet = world.relayer.deploy(project.Wallet, world.buyer)
    terms = world.terms(owner=wallet.address)
    register = world.settlement.registerModel.encode_input(terms.abi_values(), world.oracle.address)
    wallet.execute(world.settlement, register, sender=world.buyer)
    world.fund(terms)
    sale = world.agree(terms)
    world.post(sale)
    world.at(world.deadline(sale) + HOUR)
    world.refund(sale)
    before = heir.balance

    withdraw = world.settlement.withdraw.encode_input(terms.abi_values(), ETHER, heir.address)
    wallet.execute(world.settlement, withdraw, sender=world.buyer)

    assert heir.balance == before + ETHER
