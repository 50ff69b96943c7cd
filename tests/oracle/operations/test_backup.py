"""A ledger is backed up beside its daemon, restored elsewhere, and its sales end there; it contradicts nothing."""

import io
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pyrage
import pytest

from assay import envelope
from assay.errors import EnvelopeInvalid, PasswordWrong
from assay.protocol.messages import OfferStatus
from assay.protocol.structs import Quote, Status
from assay_oracle.errors import BackupInvalid, JournalError
from assay_oracle.ledger.content import ContentDigests
from assay_oracle.ledger.journal import Journal
from assay_oracle.ledger.transfer.restoring import restore
from assay_oracle.ledger.transfer.snapshot import mark_moved, snapshot
from assay_oracle.ledger.values import Restoration
from assay_oracle.operations.backup import Backup, Manifest, opened, write
from tests.kit.actors import rival_account
from tests.kit.bids import bid
from tests.kit.data import PRICE_PER_RECORD
from tests.kit.ledgers import BOTH_LEDGERS
from tests.kit.light_keys import encrypted
from tests.kit.market import DAY, Market
from tests.kit.orders import acknowledgement

PASSWORD = "a password"
DATA = b"one\ntwo\nthree\n"
RESTORER = envelope.new_identity()
VAULT = {"keystore.json": "{}", "identity.json": "{}", "secret.age": "…"}
TAG = ContentDigests(b"\x09" * 32).backup_tag


def backed_up(market: Market, *, recipient: str | None = envelope.public_of(RESTORER), moved: bool = False) -> bytes:
    file = io.BytesIO()
    with snapshot(market.ledger) as taken:
        manifest = Manifest(
            id=secrets.token_hex(16),
            made_at=market.now(),
            revision=taken.revision,
            moved=moved,
            quote_seconds=DAY,
            address=None,
            recipient="age1...",
        )
        write(file, manifest, VAULT, taken, tag=TAG, password=PASSWORD, recipient=recipient)
    return file.getvalue()


def read(content: bytes, identity: str | None = RESTORER, password: str = PASSWORD) -> Backup:
    found = opened(io.BytesIO(content), io.BytesIO(), password=password, identity=identity)
    found.check(TAG)
    return found


def restoration(market: Market, found: Backup, *, held: int = DAY) -> Restoration:
    return Restoration(
        salt=secrets.token_bytes(32),
        backup=bytes.fromhex(found.manifest.id),
        backed_up_at=found.manifest.made_at,
        restored_at=market.now(),
        held_until=market.now() + held if held else 0,
    )


def restored(market: Market, content: bytes, url: str, *, held: int = DAY) -> Market:
    """The oracle goes on at ``url``; its uploads are where they were."""
    found = read(content)
    assert restore(url, found.manifest.revision, found.tables(), restoration(market, found, held=held))
    market.journal.close()
    market.ledger = url
    market._open()
    return market


@pytest.fixture
def elsewhere(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'elsewhere' / 'journal.sqlite'}"


@BOTH_LEDGERS
def test_sales_under_way_end_in_the_restored_ledger(market: Market, elsewhere: str) -> None:
    made, quoted = market.offer(DATA)
    _, _, order = market.sell(b"four\nfive\n")
    content = backed_up(market)  # the journal is open, as in a running daemon
    restored(market, content, elsewhere)
    again = market.offers.state(quoted.offer_id)
    assert (again.quote, again.oracle_signature) == (quoted.quote, quoted.oracle_signature)
    market.accept(made, quoted)
    market.delivery.put_acknowledgement(order.order_id(), acknowledgement(order))
    market.oracle.cycle()
    market.oracle.cycle()
    assert market.chain.order_state(order.order_id()).status is Status.PAID
    assert market.offers.state(quoted.offer_id).status is OfferStatus.POSTED


@pytest.mark.integration
def test_a_ledger_moves_from_sqlite_to_postgresql_and_its_offers_keep_their_order(
    market: Market, postgres: "object"
) -> None:
    first = market.offer(DATA)[1].offer_id
    content = backed_up(market)
    with postgres.database() as url:  # type: ignore[attr-defined]
        restored(market, content, url, held=0)
        second = market.offer(b"six\n")[1].offer_id
        found = market.journal.offers.in_status(OfferStatus.QUOTED)
        assert [offer.offer_id for offer in found] == [first, second]
        market.journal.close()


def lost_quote(market: Market, url: str, *, sold: bool = False) -> Quote:
    """A quote that was signed after the backup, and that the restored ledger lacks."""
    content = backed_up(market)
    if sold:
        _, state, _ = market.sell(DATA)
    else:
        state = market.offer(DATA)[1]
    assert state.quote is not None
    restored(market, content, url)
    assert market.journal.evaluations.find(state.quote.model_id, state.quote.content_id) is None
    return state.quote


def wait_for_quotes(market: Market) -> None:
    """The chain's time passes the expiry of every quote that may be missing, at a depth that no reorganisation has."""
    market.pass_time(DAY + 1)
    for _ in range(market.chain.confirmations + 1):
        market.node.mine()


@pytest.mark.unit
def test_nothing_is_priced_until_missing_quotes_have_expired(market: Market, elsewhere: str) -> None:
    lost_quote(market, elsewhere)
    _, state = market.offer(DATA)
    assert state.status is OfferStatus.PRICING
    assert market.function.calls == 1
    market.pass_time(DAY)
    market.work()
    assert market.offers.state(state.offer_id).status is OfferStatus.PRICING, "a quote is valid in its last second"
    wait_for_quotes(market)
    market.work()
    assert market.offers.state(state.offer_id).status is OfferStatus.QUOTED


@pytest.mark.unit
def test_the_quote_of_a_restored_ledger_is_of_another_pair_than_any_that_it_lacks(
    market: Market, elsewhere: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The contract slashes two quotes of one pair also when they have expired."""
    lost = lost_quote(market, elsewhere)
    wait_for_quotes(market)
    monkeypatch.setattr("tests.kit.data.PRICE_PER_RECORD", 2 * PRICE_PER_RECORD)
    _, state = market.offer(DATA)
    assert state.quote is not None
    assert state.quote.price != lost.price
    assert state.quote.content_id != lost.content_id


@pytest.mark.unit
def test_a_pair_that_was_sold_after_the_backup_is_found_on_chain(market: Market, elsewhere: str) -> None:
    lost_quote(market, elsewhere, sold=True)
    wait_for_quotes(market)
    _, state = market.offer(DATA)
    assert (state.status, state.code) == (OfferStatus.DECLINED, "no_value")


@pytest.mark.unit
def test_a_pair_of_before_the_backup_is_recognised_after_two_restorations(market: Market, tmp_path: Path) -> None:
    market.offer(DATA)
    for number in range(2):
        restored(market, backed_up(market), f"sqlite:///{tmp_path / str(number) / 'journal.sqlite'}", held=0)
    assert market.offer(DATA)[1].code == "already_evaluated"
    assert market.offer(DATA, account=rival_account)[1].code == "no_value"
    _, state = market.offer(b"seven\n")
    assert state.status is OfferStatus.QUOTED
    restored(market, backed_up(market), f"sqlite:///{tmp_path / 'last' / 'journal.sqlite'}", held=0)
    assert market.offer(b"seven\n")[1].code == "already_evaluated"


@pytest.mark.unit
def test_quotes_of_before_the_backup_are_renewed_at_their_price_while_others_wait(
    market: Market, elsewhere: str
) -> None:
    _, state = market.offer(DATA)
    restored(market, backed_up(market), elsewhere)
    market.pass_time(DAY - DAY // 20)
    market.oracle.cycle()
    renewed = market.offers.state(state.offer_id).quote
    assert state.quote is not None
    assert renewed is not None
    assert renewed.expiry > state.quote.expiry
    assert renewed.model_copy(update={"expiry": 0}) == state.quote.model_copy(update={"expiry": 0})


@pytest.mark.unit
def test_a_backup_has_one_state_of_a_ledger_that_changes_meanwhile(market: Market, elsewhere: str) -> None:
    market.offer(DATA)
    with snapshot(market.ledger) as taken:
        tables = taken.tables()
        name, _, rows = next(tables)
        market.offer(b"later\n")
        counts = {name: len(list(rows))} | {name: len(list(rows)) for name, _, rows in tables}
    assert (counts["offers"], counts["evaluations"], counts["quotes"]) == (1, 1, 1)


@pytest.mark.unit
def test_a_ledger_is_never_written_over_and_the_same_backup_again_changes_nothing(
    market: Market, elsewhere: str
) -> None:
    market.offer(DATA)
    found = read(backed_up(market))
    again = restoration(market, found)
    assert restore(elsewhere, found.manifest.revision, found.tables(), again)
    assert not restore(elsewhere, found.manifest.revision, found.tables(), again)
    other = read(backed_up(market))
    with pytest.raises(JournalError, match="empty ledger"):
        restore(elsewhere, other.manifest.revision, other.tables(), restoration(market, other))
    with pytest.raises(JournalError, match="another process"):
        restore(market.ledger, other.manifest.revision, other.tables(), restoration(market, other))


@pytest.mark.unit
def test_a_restoration_that_is_cut_short_leaves_an_empty_ledger(market: Market, elsewhere: str) -> None:
    market.offer(DATA)
    found = read(backed_up(market))

    def cut() -> Iterator[tuple[str, list[str], Iterator[object]]]:
        tables = found.tables()
        yield next(tables)  # type: ignore[misc]
        raise OSError("the power failed")

    with pytest.raises(OSError, match="power"):
        restore(elsewhere, found.manifest.revision, cut(), restoration(market, found))  # type: ignore[arg-type]
    assert restore(elsewhere, found.manifest.revision, found.tables(), restoration(market, found))


@pytest.mark.unit
def test_a_backup_of_the_first_revision_is_brought_up_to_date(market: Market, elsewhere: str) -> None:
    _, state = market.offer(DATA)
    found = read(backed_up(market))
    later = ("restorations", "transactions", "blind_quotes")
    tables = [(name, columns, list(rows)) for name, columns, rows in found.tables() if name not in later]
    assert restore(elsewhere, "0001", tables, restoration(market, found))
    journal = Journal(elsewhere, now=market.now)
    assert journal.offers.get(state.offer_id).status is OfferStatus.QUOTED
    assert len(journal.restorations()) == 1
    journal.close()


@pytest.mark.unit
def test_no_daemon_starts_on_a_ledger_that_moved(market: Market, elsewhere: str) -> None:
    market.offer(DATA)
    with pytest.raises(JournalError, match="another process"):
        mark_moved(market.ledger, 5)
    market.journal.close()
    mark_moved(market.ledger, 5)
    mark_moved(market.ledger, 6)
    with pytest.raises(JournalError, match="moved"):
        Journal(market.ledger, now=market.now)
    assert read(backed_up(market, moved=True)).manifest.moved
    market.ledger = elsewhere
    market._open()


@pytest.mark.unit
def test_a_moved_ledger_prices_at_once(market: Market, elsewhere: str) -> None:
    market.offer(DATA)
    restored(market, backed_up(market), elsewhere, held=0)
    assert market.offer(b"new\n")[1].status is OfferStatus.QUOTED


@pytest.mark.unit
def test_the_password_or_the_recipients_identity_opens_a_backup(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pyrage.passphrase, "encrypt", encrypted)
    market.offer(DATA)
    content = backed_up(market, recipient=None)
    assert read(content, identity=None).vault == VAULT
    with pytest.raises(PasswordWrong):
        read(content, password="another")
    with pytest.raises(EnvelopeInvalid):
        read(backed_up(market), identity=envelope.new_identity())
    with pytest.raises(BackupInvalid, match="identity"):
        read(backed_up(market), identity=None)


@pytest.mark.unit
@pytest.mark.parametrize(
    "change",
    [
        lambda content: content[:-100],
        lambda content: content[: len(content) // 2],
        lambda content: content[:-1] + bytes([content[-1] ^ 1]),
        lambda content: b"PK" + content,
        lambda _: b"",
    ],
    ids=["without_end", "half", "altered", "another_start", "empty"],
)
def test_a_damaged_backup_is_refused(market: Market, change: Callable[[bytes], bytes]) -> None:
    market.offer(DATA)
    with pytest.raises((BackupInvalid, EnvelopeInvalid)):
        read(change(backed_up(market)))


@pytest.mark.unit
def test_a_backup_that_another_made_for_the_recipient_is_refused(market: Market) -> None:
    content = backed_up(market)
    found = opened(io.BytesIO(content), io.BytesIO(), password="", identity=RESTORER)
    with pytest.raises(BackupInvalid, match="keys that it holds"):
        found.check(ContentDigests(b"\x08" * 32).backup_tag)


@pytest.mark.unit
def test_a_backup_names_nothing_in_clear(market: Market) -> None:
    made, state = market.offer(bid(market.model_id, DATA))
    content = backed_up(market)
    for secret in (made.account.address.encode(), state.offer_id, state.offer_id.hex().encode(), market.model_id):
        assert secret not in content
