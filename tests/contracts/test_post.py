"""post: a quote that its seller accepted locks the payment and uses the pair up."""

import pytest

from assay.protocol.statements import digest
from assay.protocol.structs import Status
from tests.contracts.world import ETHER, HOUR, PRICE, World, bytes32

pytestmark = pytest.mark.integration


def test_locks_the_payment_until_the_reveal_deadline(world: World) -> None:
    terms = world.open()
    sale = world.agree(terms)

    receipt = world.post(sale)

    status, deadline, digest = world.settlement.orderState(sale.order_id)
    assert status == Status.LOCKED
    assert deadline == receipt.timestamp + HOUR
    assert digest.to_bytes(26, "big") == sale.order.digest()[6:]
    assert world.budget(terms) == ETHER - PRICE


def test_the_event_carries_what_the_terms_leave_open_of_the_order(world: World) -> None:
    sale = world.agree(world.open(require_receipt=True))

    event = world.post(sale).events[0]

    assert event.event_name == "OrderPosted"
    assert (event.orderId, event.modelId, event.seller) == (
        sale.order_id,
        sale.quote.model_id,
        world.seller.address,
    )
    assert event.contentId == sale.quote.content_id
    assert event.price == sale.quote.price
    assert event.dataRoot == sale.quote.data_root
    assert event.keyHash == sale.order.key_hash


def test_anyone_posts(world: World, mallory) -> None:
    sale = world.agree(world.open())

    world.post(sale, sender=mallory)

    assert world.status(sale) is Status.LOCKED


def test_a_pair_is_posted_once(world: World) -> None:
    sale = world.locked()

    with world.refuses("PairUsed", orderId=sale.order_id, status=Status.LOCKED):
        world.post(sale)


def test_a_second_evaluation_of_the_pair_is_refused_whatever_it_says(world: World) -> None:
    sale = world.locked()
    again = world.agree(sale.terms, price=PRICE // 2, data_root=bytes32("salted anew"))

    with world.refuses("PairUsed", orderId=sale.order_id, status=Status.LOCKED):
        world.post(again)


def test_a_refunded_pair_stays_used(world: World) -> None:
    sale = world.locked()
    world.at(world.deadline(sale) + 1)
    world.refund(sale)

    with world.refuses("PairUsed", orderId=sale.order_id, status=Status.REFUNDED):
        world.post(world.agree(sale.terms))


def test_the_same_content_is_sold_to_another_model(world: World) -> None:
    one = world.locked()
    other = world.agree(world.open(salt=bytes32("other model")))

    world.post(other)

    assert one.order_id != other.order_id


def test_the_last_second_of_a_quote_is_in_time(world: World) -> None:
    sale = world.agree(world.open(), expiry=world.now + 100)
    world.at(sale.quote.expiry)

    world.post(sale)


def test_the_second_after_a_quote_expired_is_late(world: World) -> None:
    sale = world.agree(world.open(), expiry=world.now + 100)
    world.at(sale.quote.expiry + 1)

    with world.refuses("QuoteExpired", expiry=sale.quote.expiry):
        world.post(sale)


def test_a_price_of_nothing_is_refused(world: World) -> None:
    with world.refuses("PriceOutOfBounds", price=0, maximum=ETHER):
        world.post(world.agree(world.open(), price=0))


def test_a_price_above_the_models_maximum_is_refused(world: World) -> None:
    with world.refuses("PriceOutOfBounds", price=ETHER + 1, maximum=ETHER):
        world.post(world.agree(world.open(budget=2 * ETHER), price=ETHER + 1))


def test_the_models_maximum_is_a_price(world: World) -> None:
    sale = world.agree(world.open(), price=ETHER)

    world.post(sale)

    assert world.budget(sale.terms) == 0


def test_a_price_above_the_budget_is_refused(world: World) -> None:
    with world.refuses("BudgetTooSmall", required=PRICE, available=PRICE - 1):
        world.post(world.agree(world.open(budget=PRICE - 1)))


def test_a_quote_by_anyone_but_the_oracle_is_refused(world: World, mallory) -> None:
    sale = world.agree(world.open())
    forged = sale.with_(oracle_signature=world.sign(mallory, world.domain.quote(sale.quote)))

    with world.refuses("QuoteSignatureInvalid", oracle=world.oracle.address):
        world.post(forged)


@pytest.mark.parametrize(
    "change",
    [
        {"price": PRICE + 1},
        {"content_id": bytes32("other records")},
        {"data_root": bytes32("other data")},
        {"evaluation": bytes32("other appraisal")},
        {"expiry": 2**40 - 1},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_quote_altered_after_signing_is_refused(world: World, change: dict) -> None:
    sale = world.agree(world.open())
    altered = sale.with_(quote=sale.quote.model_copy(update=change))

    with world.refuses("QuoteSignatureInvalid", oracle=world.oracle.address):
        world.post(altered)


def test_a_quote_made_out_to_another_seller_is_refused(world: World, mallory) -> None:
    sale = world.agree(world.open())
    stolen = sale.with_(quote=sale.quote.model_copy(update={"seller": mallory.address}))

    with world.refuses("QuoteSignatureInvalid", oracle=world.oracle.address):
        world.post(stolen)


def test_a_quote_for_another_model_is_refused(world: World) -> None:
    terms = world.open()
    other = world.open(salt=bytes32("other"))
    sale = world.agree(other).with_(terms=terms)

    with world.refuses("ModelMismatch", expected=world.model_id(terms), actual=world.model_id(other)):
        world.post(sale)


def test_an_unregistered_model_buys_nothing(world: World) -> None:
    terms = world.terms()

    with world.refuses("ModelUnknown", modelId=world.model_id(terms)):
        world.post(world.agree(terms))


def test_the_seller_must_have_accepted(world: World, mallory) -> None:
    sale = world.agree(world.open())
    message = world.domain.acceptance(digest(world.domain.quote(sale.quote)), sale.order.key_hash)

    with world.refuses("AcceptanceSignatureInvalid", seller=world.seller.address):
        world.post(sale.with_(seller_signature=world.sign(mallory, message)))


def test_the_seller_accepts_one_key(world: World) -> None:
    sale = world.agree(world.open())
    other_lock = sale.order.model_copy(update={"key_hash": bytes32("another key")})

    with world.refuses("AcceptanceSignatureInvalid", seller=world.seller.address):
        world.post(sale.with_(order=other_lock))


def test_an_acceptance_of_one_quote_is_none_of_another(world: World) -> None:
    terms = world.open()
    dear, cheap = world.agree(terms, price=PRICE), world.agree(terms, price=PRICE // 10)

    with world.refuses("AcceptanceSignatureInvalid", seller=world.seller.address):
        world.post(cheap.with_(seller_signature=dear.seller_signature))


@pytest.mark.parametrize("length", [0, 64, 66])
def test_a_signature_of_another_length_is_refused(world: World, length: int) -> None:
    sale = world.agree(world.open())

    with world.refuses("QuoteSignatureInvalid", oracle=world.oracle.address):
        world.post(sale.with_(oracle_signature=(sale.oracle_signature + b"\0")[:length]))


def test_the_seller_bond_is_taken_from_the_sellers_credit(world: World) -> None:
    bond = PRICE // 2
    sale = world.agree(world.open(seller_bond=bond))
    world.deposit_bond(bond + 7)

    world.post(sale)

    assert world.credit(world.seller) == 7


def test_a_seller_without_the_bond_is_refused(world: World) -> None:
    bond = PRICE // 2
    sale = world.agree(world.open(seller_bond=bond))
    world.deposit_bond(bond - 1)

    with world.refuses("CreditTooSmall", required=bond, available=bond - 1):
        world.post(sale)
