"""A sale to a model whose oracle is a committee, with members that lie, are slow, are dead, or were replaced."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from assay.chain.values import SafeOwners
from assay.errors import ContractReverted, OracleUnreachable, SettingsError
from assay.oracle import committee
from assay.protocol.messages import AcceptanceRequest, BlindRequest
from assay.protocol.statements import digest, signer_of
from assay.protocol.structs import Status
from assay.sale.members import offering, order_records
from assay.sale.offers import OfferRecord
from assay.sale.seller import Seller
from assay_oracle.errors import BlindRefused, ModelNotReady, OfferConflict, RequestInvalid
from assay_oracle.server.model_watch import ModelWatch
from assay_oracle.services.catalogue import Catalogue
from assay_oracle.services.quotes import MAX_VALID_QUOTES
from assay_oracle.settings import ModelEntry
from tests.kit.actors import DOMAIN, rival_account, seller_account
from tests.kit.committee import MEMBERS, SAFE, CommitteeMarket, ForgetfulPrices
from tests.kit.data import PRICE_PER_RECORD
from tests.kit.market import DAY

CEILING = 3600.0

pytestmark = pytest.mark.unit

THREE = b"a\nb\nc\n"


@pytest.fixture
def town(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CommitteeMarket]:
    """Everyone who answers is waited for, as long as it takes."""
    monkeypatch.setattr(offering, "GRACE_SECONDS", CEILING)
    monkeypatch.setattr(order_records, "PATIENCE", CEILING)
    town = CommitteeMarket(tmp_path)
    yield town
    town.close()


def quoted(town: CommitteeMarket, seller: Seller, content: bytes = THREE) -> OfferRecord:
    record, _ = seller.offer(seller.prepare(town.file(content), town.model_id, chunk_size=1024))
    return record


def owners_of(record: OfferRecord) -> set[str | None]:
    """Whose signatures the quote has."""
    assert record.quote is not None
    assert record.oracle_signature is not None
    message = DOMAIN.for_safe(SAFE, digest(DOMAIN.quote(record.quote)))
    return {signer_of(message, record.oracle_signature[start:][:65]) for start in (0, 65)}


def test_sale_with_all_members(town: CommitteeMarket) -> None:
    seller = town.seller()
    record = seller.accept(quoted(town, seller))
    assert record.quote is not None
    assert record.quote.price == 3 * PRICE_PER_RECORD
    assert len(record.oracle_signature or b"") == 130
    assert town.chain.order_state(record.quote.order_id()).status is Status.LOCKED
    town.buyer().poll(town.model_id)
    assert town.chain.order_state(record.quote.order_id()).status is Status.PAID, "the buyer settles"
    (purchase,) = town.buyer().poll(town.model_id)
    assert purchase.file is not None
    assert purchase.file.read_bytes() == THREE
    assert seller.release(record) is Status.PAID


@pytest.mark.parametrize(("bad", "member"), [("lie", 0), ("silence", 1), ("kill", 2)])
def test_one_bad_member_of_three_changes_nothing(
    town: CommitteeMarket, monkeypatch: pytest.MonkeyPatch, bad: str, member: int
) -> None:
    if bad == "silence":
        monkeypatch.setattr(offering, "GRACE_SECONDS", 0.1)
        monkeypatch.setattr(order_records, "PATIENCE", 0.5)
        monkeypatch.setattr(committee, "SILENT_SECONDS", 0.0)
    getattr(town, bad)(member)
    seller = town.seller()
    record = seller.accept(quoted(town, seller))
    assert record.quote is not None
    assert record.quote.price == 3 * PRICE_PER_RECORD
    assert owners_of(record) == {account.address for account in MEMBERS} - {MEMBERS[member].address}
    buyer = town.buyer()
    while buyer.poll(town.model_id)[0].status is not Status.PAID:
        pass
    assert seller.release(record) is Status.PAID


@pytest.mark.parametrize("second", ["lie", "kill"])
def test_one_honest_member_of_three_sells_nothing(town: CommitteeMarket, second: str) -> None:
    town.lie(1)
    if second == "kill":
        town.kill(2)
    else:
        town.lie(2, times=5)
    with pytest.raises(OracleUnreachable, match="expected 2 members of the committee that answer the same"):
        quoted(town, town.seller())


def test_what_fewer_than_the_threshold_signed_is_not_posted(town: CommitteeMarket) -> None:
    seller = town.seller()
    record = quoted(town, seller)
    bound = seller.bind(record)
    for signature in (record.oracle_signature[:65], 2 * record.oracle_signature[:65], b""):  # type: ignore[index]
        with pytest.raises(ContractReverted, match="QuoteSignatureInvalid"):
            seller.post(bound.model_copy(update={"oracle_signature": signature}))
    with pytest.raises(SettingsError, match="expected URLs of at least 2 members"):
        quoted(town, town.seller(0, account=rival_account), b"d\n")


def test_member_at_two_urls_counts_once(town: CommitteeMarket) -> None:
    town.transports[1] = town.transports[0]
    town.members[0].settings = town.members[0].settings.model_copy(update={"urls": (town.url("a"), town.url("b"))})
    town.members[0].transport.make()
    town.kill(2)
    with pytest.raises(OracleUnreachable, match="expected 2 members") as raised:
        quoted(town, town.seller())
    assert str(raised.value).count(MEMBERS[0].address) == 2


def test_partial_signature_for_another_quote_counts_for_none(town: CommitteeMarket) -> None:
    """A member that answers with what it signed for another expiry, and one that states an expiry of its own."""
    offers = town.members[0].oracle.offers
    honest = offers.quote_until
    offers.quote_until = lambda offer_id, expiry: honest(offer_id, expiry - 1).model_copy(  # type: ignore[method-assign]
        update={"quote": None}
    )
    late = town.members[0].oracle._quotes
    late._lifetime *= 2
    record = quoted(town, town.seller())
    assert owners_of(record) == {MEMBERS[1].address, MEMBERS[2].address}


def test_expired_quote_is_signed_anew_at_its_price_by_the_members_that_are_left(town: CommitteeMarket) -> None:
    seller = town.seller()
    first = quoted(town, seller)
    town.kill(0)
    town.pass_time(2 * DAY)
    second = seller.accept(first)
    assert first.quote is not None
    assert second.quote is not None
    assert second.quote.expiry > first.quote.expiry
    assert second.quote.price == first.quote.price
    assert owners_of(second) == {MEMBERS[1].address, MEMBERS[2].address}


def test_quote_in_hand_needs_no_member_to_be_posted(town: CommitteeMarket) -> None:
    seller = town.seller()
    record = quoted(town, seller)
    for member in range(3):
        town.kill(member)
    assert town.chain.order_state(seller.order(seller.accept(record)).order.order_id()).status is Status.LOCKED


def test_member_that_the_safe_removed_signs_for_nobody(town: CommitteeMarket) -> None:
    old, *others = (account.address for account in MEMBERS)
    seller = town.seller()
    before = quoted(town, seller)
    town.contract.safes[SAFE] = SafeOwners((*others, rival_account.address), 2)
    watch = ModelWatch(
        *(Catalogue(), town.chain),
        read=lambda: [ModelEntry(id=town.model_id, artifact=town.folder)],
        load=lambda _: town.members[0].appraiser(),
        oracles=lambda: (old, SAFE),
        committee=SAFE,
    )
    watch.refresh()
    assert [found.code for found in watch._catalogue.unavailable] == ["member_removed"]
    state = town.members[0].offers.state(before.offer_id)  # type: ignore[arg-type]
    with pytest.raises(ModelNotReady, match=f"expected {old} among the owners"):
        town.members[0].offers.quote_until(state.offer_id, state.quote.expiry - 1)  # type: ignore[union-attr]
    assert owners_of(seller.accept(before)) == set(others)


def test_members_key_is_replaced_while_its_offers_are_open(town: CommitteeMarket) -> None:
    """The daemon holds both keys; the Safe's owners decide by which it signs."""
    town.give_key(0, rival_account)
    seller = town.seller()
    record = quoted(town, seller)
    town.contract.safes[SAFE] = SafeOwners((rival_account.address, MEMBERS[2].address), 2)
    town.pass_time(2 * DAY)
    assert owners_of(seller.accept(record)) == {rival_account.address, MEMBERS[2].address}


@pytest.mark.parametrize("threshold", [2, 3])
def test_seller_who_bypasses_a_member_is_paid_twice_only_where_no_honest_one_saw_both_sales(
    town: CommitteeMarket, threshold: int
) -> None:
    """One member colludes. Two of three share no honest member with two others; three of three do."""
    town.contract.safes[SAFE] = SafeOwners(tuple(account.address for account in MEMBERS), 2)
    town.change(1, ForgetfulPrices())
    seller = town.seller(0, 1)
    seller.accept(quoted(town, seller))
    town.contract.safes[SAFE] = SafeOwners(tuple(account.address for account in MEMBERS), threshold)
    again = town.seller(*range(3 - threshold, 3), account=rival_account)
    if threshold == 2:
        assert quoted(town, again, THREE + b"d\n").quote.price == 4 * PRICE_PER_RECORD  # type: ignore[union-attr]
    else:
        with pytest.raises(OracleUnreachable, match="expected 3 members"):
            quoted(town, again, THREE + b"d\n")


def test_key_escrow_needs_as_many_members_as_a_quote(town: CommitteeMarket) -> None:
    """A buyer pays on a statement: that of one member, who may lie, is none."""
    seller = town.seller()
    record = seller.accept(quoted(town, seller))
    for member in (1, 2):
        town.kill(member)
    (purchase,) = town.buyer().poll(town.model_id)
    assert purchase.status is Status.LOCKED
    for member in town.members:
        member.transport.down = False
    (purchase,) = town.buyer().poll(town.model_id)
    assert purchase.status is Status.PAID
    assert seller.release(record) is Status.PAID


def test_members_that_deliver_rubbish_first_keep_no_file_and_no_key_back(town: CommitteeMarket) -> None:
    seller = town.seller()
    seller.accept(quoted(town, seller))
    (order,) = (posted.order for posted in town.chain.posted(model_id=town.model_id))
    liar = town.members[0]
    liar.oracle.cycle()
    with liar.delivery.sealed(order.order_id()).open() as made:
        size = len(made.read())
    liar.store.delete(f"deliveries/{order.order_id().hex()}.age")
    with liar.store.append(f"deliveries/{order.order_id().hex()}.age") as forged:
        forged.write(bytes(size))
    town.buyer().poll(town.model_id)
    liar.oracle.cycle()
    liar.journal.orders.set_key_envelope(order.order_id(), "not an envelope")
    (purchase,) = town.buyer().poll(town.model_id)
    assert purchase.file is not None
    assert purchase.file.read_bytes() == THREE


def test_member_posts_no_order_and_gives_no_blind_quote(town: CommitteeMarket) -> None:
    seller = town.seller()
    record = seller.bind(quoted(town, seller))
    assert record.offer_id is not None
    request = AcceptanceRequest(key_hash=record.key_hash, signature=record.acceptance)
    with pytest.raises(OfferConflict, match="got one of a committee"):
        town.members[0].offers.accept(record.offer_id, request)
    blind = BlindRequest(
        model_id=town.model_id,
        seller=seller_account.address,
        data_root=record.data_root,
        nonce=record.nonce,
        signature=b"",
        records=3,
    )
    with pytest.raises(BlindRefused, match="a member of a committee"):
        town.members[0].oracle.blind.open(blind)


def test_number_of_quotes_that_a_seller_may_have_signed_is_bounded(town: CommitteeMarket) -> None:
    record = quoted(town, town.seller())
    assert record.quote is not None
    assert record.offer_id is not None
    offers, last = town.members[0].offers, record.quote.expiry
    for earlier in range(1, MAX_VALID_QUOTES):
        offers.quote_until(record.offer_id, last - earlier)
    with pytest.raises(OfferConflict, match="fewer than 16 valid quotes"):
        offers.quote_until(record.offer_id, last - MAX_VALID_QUOTES)
    assert offers.quote_until(record.offer_id, last).oracle_signature
    for expiry in (town.members[0].time, last + 1):
        with pytest.raises(RequestInvalid, match="expected an expiry from"):
            offers.quote_until(record.offer_id, expiry)


def test_several_urls_of_an_oracle_that_is_no_committee(town: CommitteeMarket) -> None:
    with pytest.raises(SettingsError, match="which is no committee, got 3 URLs"):
        town.seller().prepare(town.file(THREE), town.first.model_id)
