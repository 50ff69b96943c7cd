"""Sending the transaction is consent of a seller who posts and of a buyer who settles, not of an oracle."""

import pytest

from assay.protocol.structs import Status
from tests.contracts.world import World

pytestmark = pytest.mark.integration


def test_a_seller_who_posts_needs_no_signature(world: World, seller) -> None:
    sale = world.agree(world.open()).with_(seller_signature=b"")

    world.post(sale, sender=seller)

    assert world.status(sale) is Status.LOCKED


def test_a_buyer_who_settles_needs_no_signature(world: World, buyer) -> None:
    sale = world.locked()

    world.settle(sale, acknowledgement=b"", sender=buyer)

    assert world.status(sale) is Status.PAID


def test_a_buyer_who_reveals_needs_no_receipt(world: World, buyer) -> None:
    sale = world.locked(require_receipt=True)

    world.reveal(sale, sender=buyer)

    assert world.status(sale) is Status.REVEALED


def test_an_oracle_who_posts_needs_its_signature(world: World, oracle) -> None:
    """An unsigned quote on chain could not be used to prove that the oracle signed another one."""
    sale = world.agree(world.open()).with_(oracle_signature=b"")

    with world.refuses("QuoteSignatureInvalid", oracle=oracle.address):
        world.post(sale, sender=oracle)


@pytest.mark.parametrize("sender", ["buyer", "oracle", "relayer", "mallory"])
def test_only_the_seller_consents_to_a_sale_by_sending(world: World, seller, sender: str, request) -> None:
    sale = world.agree(world.open()).with_(seller_signature=b"")

    with world.refuses("AcceptanceSignatureInvalid", seller=seller.address):
        world.post(sale, sender=request.getfixturevalue(sender))


@pytest.mark.parametrize("sender", ["seller", "oracle", "relayer", "mallory"])
def test_only_the_buyer_consents_to_payment_by_sending(world: World, buyer, sender: str, request) -> None:
    sale = world.locked()

    with world.refuses("BuyerSignatureInvalid", buyer=buyer.address):
        world.settle(sale, acknowledgement=b"", sender=request.getfixturevalue(sender))


def test_an_oracle_that_reports_needs_both_signatures(world: World, oracle, seller) -> None:
    terms = world.open()
    world.settlement.bondOracle(terms.abi_values(), oracle.address, 10, sender=seller, value=10)
    first, second = world.agree(terms), world.agree(terms, price=1)

    with world.refuses("QuoteSignatureInvalid", oracle=oracle.address):
        world.settlement.reportEquivocation(
            terms.abi_values(),
            oracle.address,
            [first.quote.abi_values(), second.quote.abi_values()],
            [b"", b""],
            sender=oracle,
        )
