"""The first sale, and every way in which it can go wrong, as the people in it live it.

A model owner whose model has never seen class 2, data owners who have it, an oracle, a chain. Everything runs as
processes of their own; what people do is what ``assay`` lets them do.
"""

import subprocess
from pathlib import Path

import pytest
from scripts.localnet import CEILING, ETHER, eventually

from assay.chain.interface import Deployment
from assay.chain.settlement import SettlementClient
from assay.errors import ContractReverted, QuoteExpired
from assay.protocol.statements import digest
from assay.protocol.structs import Quote, Status, key_hash
from assay.sale.acceptance import accepted
from assay.sale.offers import OfferRecord, OfferStore
from tests.kit.data import csv
from tests.kit.town import HOUR, Party, Town

pytestmark = pytest.mark.integration


@pytest.fixture(autouse=True)
def a_model_of_its_own(town: Town) -> None:
    """What a model owner has bought lowers what more of it is worth; so no test sells to another's model."""
    town.model = town.fresh.pop(0)


def purchase(town: Town, order_id: str) -> dict[str, object]:
    """The model owner's look at one order."""
    looked = town.owner.assay("buy", "--model", town.model, "--once", status=(0, 5))
    return next((row for row in looked if row["order_id"] == order_id), {})


def quoted(town: Town, who: Party, name: str, seed: int) -> OfferRecord:
    """An offer of forty records of the class that the model lacks, priced."""
    path = town.file(f"{name}.csv", csv(seed, 40, (2,)))
    record, _ = who.seller.offer(who.seller.prepare(path, bytes.fromhex(town.model[2:])))
    assert record.quote is not None
    return record


def locked_past_the_oracle(town: Town, who: Party, name: str, seed: int) -> OfferRecord:
    """An order that locks a key which opens nothing: the oracle, which would notice, did not post it."""
    record = accepted(quoted(town, who, name, seed), bytes(32), who.chain.domain, who.account)
    who.seller.post(OfferStore(who.home).save(record))
    return record


def order_of(town: Town, seller: Party, status: Status, *, by: "subprocess.Popen[str]") -> str:
    """Id of the seller's order that the running command ``by`` takes into this state."""
    chain = town.chain()

    def find() -> str | None:
        assert by.poll() is None, by.communicate()
        ids = [posted.order.order_id() for posted in chain.posted(seller=seller.account.address)]
        return next(("0x" + found.hex() for found in ids if chain.order_state(found).status is status), None)

    return str(eventually(find))


def bought(town: Town, order_id: str) -> Path:
    """The file that the model owner opens."""
    (posted,) = town.chain().posted(order_id=bytes.fromhex(order_id[2:]))
    return Path(eventually(lambda: town.owner.buyer.advance(posted).file))


def status_of(town: Town, record: OfferRecord) -> Status:
    assert record.quote is not None
    return town.chain().order_state(record.quote.order_id()).status


# --- sales that go well -----------------------------------------------------------------------------------------------


def test_first_sale(town: Town, ada: Party) -> None:
    """Register, fund, sell, buy, paid: the key never goes on chain."""
    shown = town.owner.assay("model", "status", "--model", town.model)
    assert (shown["oracle"], shown["budget"]) == (town.oracle, str(20 * ETHER))
    data = town.file("useful.csv", csv(10, 60, (2,)))

    before = town.chain().balance(ada.account.address)
    selling = ada.start("sell", data, "--model", town.model, "--yes", "--patience", int(CEILING))
    order_id = order_of(town, ada, Status.LOCKED, by=selling)
    row = eventually(lambda: (found := purchase(town, order_id)).get("file") and found)
    sold = ada.end(selling)

    assert Path(row["file"]).read_bytes() == data.read_bytes()
    assert (sold["status"], sold["order_id"]) == ("paid", order_id)
    assert 0 < int(sold["price"]) <= ETHER
    assert town.chain().balance(ada.account.address) - before <= int(sold["price"])
    assert town.chain().revealed_key(bytes.fromhex(sold["order_id"][2:])) is None
    assert ada.assay("sell", data, "--model", town.model, "--yes") == sold, "the same command again tells the same"
    assert town.owner.assay("model", "status", "--model", town.model)["orders"] == {"paid": 1}


def test_sale_with_the_key_on_chain(town: Town, ada: Party) -> None:
    data = town.file("on_chain.csv", csv(11, 60, (2,)))
    selling = ada.start("sell", data, "--model", town.model, "--yes", "--patience", 0)
    assert bought(town, order_of(town, ada, Status.REVEALED, by=selling)).read_bytes() == data.read_bytes()
    assert ada.end(selling)["status"] == "paid"


def test_small_data_revealed_on_chain_is_paid_at_once(town: Town, ada: Party) -> None:
    data = town.file("direct.csv", csv(12, 40, (2,)))
    sold = ada.assay("sell", data, "--model", town.model, "--yes", "--direct")
    assert sold["status"] == "paid"
    assert Path(str(purchase(town, sold["order_id"])["file"])).read_bytes() == data.read_bytes()


def test_payment_that_a_reorganisation_takes_back_is_no_end(town: Town, ada: Party) -> None:
    data = town.file("reorganised.csv", csv(24, 40, (2,)))
    selling = ada.start("--confirmations", 2, "sell", data, "--model", town.model, "--yes", "--direct")
    order_id = order_of(town, ada, Status.LOCKED, by=selling)
    town.node.rpc("anvil_mine", "0x2")
    order_of(town, ada, Status.PAID, by=selling)
    town.node.rpc("anvil_reorg", 1, [])
    order_of(town, ada, Status.PAID, by=selling)
    assert [record.outcome for record in OfferStore(ada.home).all()] == [None]
    town.node.rpc("anvil_mine", "0x2")
    assert (sold := ada.end(selling))["status"] == "paid"
    assert sold["order_id"] == order_id
    assert [record.outcome for record in OfferStore(ada.home).all()] == ["paid"]


# --- sales that end in a refund ---------------------------------------------------------------------------------------


def test_key_that_opens_nothing_is_disputed_and_refunded(town: Town, ada: Party) -> None:
    """The oracle would notice; so the seller posts the order herself."""
    budget = town.chain().model_state(bytes.fromhex(town.model[2:])).budget
    record = locked_past_the_oracle(town, ada, "corrupted", 13)
    ada.chain.reveal_key(ada.seller.order(record).order, bytes(32))
    order_id = "0x" + record.quote.order_id().hex()  # type: ignore[union-attr]
    row = eventually(lambda: (found := purchase(town, order_id)).get("status") == "disputed" and found)
    assert row["gas"]["dispute"] < 500_000
    assert town.chain().model_state(bytes.fromhex(town.model[2:])).budget == budget


def test_silent_seller_is_refunded_after_the_window(town: Town, ada: Party) -> None:
    record = locked_past_the_oracle(town, ada, "silent", 14)
    order_id = "0x" + record.quote.order_id().hex()  # type: ignore[union-attr]
    assert purchase(town, order_id)["status"] == "locked"
    town.node.pass_time(HOUR + 1)
    assert purchase(town, order_id)["status"] == "refunded"
    told = ada.assay("sell", town.folder / "silent.csv", "--model", town.model, "--yes", status=1)
    assert told["status"] == "refunded"


def test_key_stays_secret_close_to_the_deadline(town: Town, ada: Party) -> None:
    record = ada.seller.accept(quoted(town, ada, "late", 15))
    town.node.pass_time(HOUR - 200)
    told = ada.refused("sell", town.folder / "late.csv", "--model", town.model, "--yes", "--patience", 0)
    assert told["code"] == "reveal_too_late"
    assert town.chain().revealed_key(record.quote.order_id()) is None  # type: ignore[union-attr]


# --- once -------------------------------------------------------------------------------------------------------------


def test_declined_data_is_not_priced_again_for_anybody(town: Town, ada: Party, bob: Party) -> None:
    content = csv(16, 40, (2,))
    data = town.file("declined.csv", content)
    assert ada.assay("sell", data, "--model", town.model, "--quote-only", status=4)["status"] == "quoted"
    assert ada.assay("sell", data, "--model", town.model, "--min-price", "100ether", status=4)["status"] == "quoted"
    assert ada.assay("sell", data, "--model", town.model, "--decline", status=3)["status"] == "declined"
    header, *lines = content.splitlines(keepends=True)
    again = town.file("again.csv", header + b"".join(reversed(lines)))
    assert bob.assay("sell", again, "--model", town.model, "--yes", status=3)["status"] == "declined"


def test_pair_is_sold_once_on_chain_too(town: Town, ada: Party) -> None:
    record = quoted(town, ada, "replayed", 17)
    record = ada.seller.accept(record)
    with pytest.raises(ContractReverted, match="PairUsed"):
        ada.seller.post(record)


def test_records_that_cannot_be_read_are_refused_and_cost_no_evaluation(town: Town, bob: Party) -> None:
    data = town.file("spoilt.csv", b"x0,x1,y\n1,nan,2\n")
    refusal = bob.assay("sell", data, "--model", town.model, "--yes", status=1)["error"]
    assert "column 'x1'" in refusal["message"]
    data.write_bytes(csv(18, 40, (2,)))
    assert bob.assay("sell", data, "--model", town.model, "--quote-only", status=4)["status"] == "quoted"


# --- oracle and node that fail ----------------------------------------------------------------------------------------


def test_oracle_killed_in_the_middle_of_a_sale(town: Town, ada: Party) -> None:
    """Before acceptance: the seller is told, and goes on. After the payment is locked: the sale needs no oracle."""
    data = town.file("killed.csv", csv(19, 60, (2,)))
    price = ada.assay("sell", data, "--model", town.model, "--quote-only", status=4)["price"]
    town.daemon.kill()
    try:
        told = ada.refused("sell", data, "--model", town.model, "--yes")
    finally:
        town.daemon.start()
    assert told["code"] == "oracle_unreachable"
    selling = ada.start("sell", data, "--model", town.model, "--yes", "--patience", "5")
    order_id = order_of(town, ada, Status.LOCKED, by=selling)
    town.daemon.kill()
    try:
        assert order_of(town, ada, Status.REVEALED, by=selling) == order_id
    finally:
        town.daemon.start()
    assert bought(town, order_id).read_bytes() == data.read_bytes()
    sold = ada.end(selling)
    assert (sold["status"], sold["price"]) == ("paid", price)


# --- another chain, another contract, other hands ---------------------------------------------------------------------


def test_quote_that_ran_out_is_renewed_at_the_same_price_and_the_old_one_is_dead(town: Town, ada: Party) -> None:
    record = quoted(town, ada, "expired", 21)
    old = ada.seller.bind(record)
    town.node.pass_time(2 * 86_400)
    with pytest.raises(ContractReverted, match="QuoteExpired") as refusal:
        ada.seller.post(old)
    assert "same price" in str(refusal.value.hint)

    def accepted_again() -> OfferRecord | None:
        try:
            return ada.seller.accept(record)
        except QuoteExpired:  # for a second the oracle does not know that two days have passed
            return None

    sold = eventually(accepted_again)
    assert sold.quote is not None
    assert record.quote is not None
    assert sold.quote.price == record.quote.price
    assert status_of(town, sold) is Status.LOCKED


def test_statements_of_other_hands_are_refused_by_the_contract(town: Town, ada: Party, bob: Party) -> None:
    record = quoted(town, ada, "hands", 22)
    assert record.quote is not None
    terms = town.owner.buyer.terms(record.model_id)
    domain, key = town.chain().domain, key_hash(record.quote.order_id(), bytes(32))

    def post(by_oracle: bytes, seller: Party, quote: Quote) -> None:
        acceptance = domain.acceptance(digest(domain.quote(quote)), key)
        # A stranger sends: who sends a statement of his own needs no signature under it.
        bob.chain.post(terms, quote, by_oracle, key, bytes(seller.account.sign_message(acceptance).signature))

    forged = bytes(bob.account.sign_message(domain.quote(record.quote)).signature)
    assert record.oracle_signature is not None
    for name, by_oracle, seller, quote in (
        ("QuoteSignatureInvalid", forged, ada, record.quote),
        ("QuoteSignatureInvalid", record.oracle_signature, ada, record.quote.model_copy(update={"price": ETHER})),
        ("QuoteSignatureInvalid", b"", ada, record.quote),
        ("AcceptanceSignatureInvalid", record.oracle_signature, bob, record.quote),
    ):
        with pytest.raises(ContractReverted, match=name) as refusal:
            post(by_oracle, seller, quote)
        assert refusal.value.hint
    assert status_of(town, record) is Status.NONE


def test_quote_for_one_contract_is_worth_nothing_at_another(town: Town, ada: Party, tmp_path: Path) -> None:
    record = ada.seller.bind(quoted(town, ada, "elsewhere", 23))
    town.node.deploy(tmp_path / "31337.json")
    terms = town.owner.buyer.terms(record.model_id)
    other = SettlementClient.of(town.node.url, Deployment.read(tmp_path / "31337.json"), account=town.owner.account)
    other.register_model(terms, town.oracle)
    assert record.quote is not None
    assert record.oracle_signature is not None
    assert record.key_hash is not None
    assert record.acceptance is not None
    with pytest.raises(ContractReverted, match="ModelMismatch"):
        other.post(terms, record.quote, record.oracle_signature, record.key_hash, record.acceptance)
    forged = record.quote.model_copy(update={"model_id": other.model_id(terms)})
    other.fund(terms, ETHER)
    with pytest.raises(ContractReverted, match="QuoteSignatureInvalid"):
        other.post(terms, forged, record.oracle_signature, record.key_hash, record.acceptance)
