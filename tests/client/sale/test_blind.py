"""A blind quote and the sale after it, through the real client and the oracle's own HTTP application."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from eth_account.signers.local import LocalAccount

from assay.errors import OracleMisbehaved, OracleRefused, OracleUnreachable, UsageError
from assay.protocol.messages import BlindTerms, OfferStatus
from assay.protocol.statements import digest
from assay.protocol.structs import Status
from assay.protocol.types import OfferId
from assay.sale.blind import BlindQuoting, Sums, sums_of
from assay.sale.offers import OfferRecord, OfferStore
from assay.sale.trust import check_model
from assay_oracle.appraisers.cache import RecordCache
from assay_oracle.appraisers.inline import InlineAppraiser
from assay_oracle.services.appraiser import Appraiser
from assay_oracle.services.blind import OPEN_SECONDS
from assay_oracle.services.catalogue import PricedModel
from assay_pricing.blind.form import SecretForm
from assay_pricing.blind.layout import Residues
from assay_pricing.blind.linear import Requester
from tests.kit.actors import DOMAIN, rival_account, seller_account
from tests.kit.blind import COUNTED, LINE_BLIND, ONE
from tests.kit.data import PRICE_PER_RECORD, SCHEMA, parse_lines
from tests.kit.market import DAY, Market

pytestmark = pytest.mark.unit


class BlindMarket(Market):
    """A market whose price function pays for each line, and has a price from the number of lines."""

    blind = LINE_BLIND

    def appraiser(self) -> Appraiser:
        return InlineAppraiser(self.function, RecordCache(2**20), parse=parse_lines, blind=self.blind)  # type: ignore[arg-type]


@pytest.fixture
def market(tmp_path: Path) -> Iterator[Market]:
    market = BlindMarket(tmp_path)
    yield market
    market.journal.close()


def sums(count: int) -> Sums:
    return Sums(count * ONE, count * ONE, count, LINE_BLIND.terms, 0.5)


def quoting(market: Market, account: LocalAccount = seller_account) -> BlindQuoting:
    store = OfferStore(market.home / account.address)
    return BlindQuoting(market.chain.seen_by(account.address), market.http, store, account)


def prepared(market: Market, content: bytes = b"a\nb\nc\n", account: LocalAccount = seller_account) -> OfferRecord:
    return market.seller(account).prepare(market.file(content), market.model_id, chunk_size=1024)


def replace_bits(terms: BlindTerms) -> BlindTerms:
    return terms.model_copy(update={"weight_bits": terms.weight_bits + 1})


def offer_id_of(record: OfferRecord) -> OfferId:
    return OfferId(digest(DOMAIN.offer(record.model_id, record.seller, record.data_root, record.nonce)))


def sent_paths(market: Market) -> list[str]:
    return [request.url.path.rpartition("/")[2] for request in market.transport.seen if "/blind" in request.url.path]


def test_data_are_priced_unseen_and_sold_at_that_price(market: Market) -> None:
    record = quoting(market).quote(prepared(market), sums(3))
    assert record.blind_quote is not None
    assert record.blind_quote.price == 3 * PRICE_PER_RECORD
    assert sent_paths(market) == ["blind", "sums", "products", "price"]
    assert market.function.calls == 0
    seller = market.seller()
    record, state = seller.offer(record)
    assert state.status is OfferStatus.QUOTED
    assert record.quote is not None
    assert record.quote.price == record.blind_quote.price
    assert market.status(seller.accept(record)) is Status.LOCKED


def test_a_quote_is_asked_for_once(market: Market) -> None:
    record = quoting(market).quote(prepared(market), sums(3))
    asked = len(market.transport.seen)
    assert quoting(market).quote(record, sums(3)) == record
    assert len(market.transport.seen) == asked


def test_data_with_another_price_are_paid_nothing_and_the_pair_is_used_up(market: Market) -> None:
    record = quoting(market).quote(prepared(market), sums(50))
    assert record.blind_quote is not None
    assert record.blind_quote.price == 50 * PRICE_PER_RECORD
    _, state = market.seller().offer(record)
    assert state.status is OfferStatus.DECLINED
    assert state.appraisal is not None
    assert state.appraisal.reasons == ("The data do not have the price of their blind quote: nothing is paid.",)
    _, again = market.offer(b"a\nb\nc\n")
    assert (again.status, again.code) == (OfferStatus.REFUSED, "already_evaluated")


def test_records_that_were_priced_before_are_paid_nothing_though_their_sums_have_a_price(market: Market) -> None:
    market.offer(b"a\nb\n", account=rival_account)
    record = quoting(market).quote(prepared(market, b"a\nb\nnew\n"), sums(3))
    _, state = market.seller().offer(record)
    assert state.status is OfferStatus.DECLINED


def test_a_seller_asks_for_few_prices_that_no_data_bear_out(market: Market) -> None:
    most = market.settings.max_blind_quotes_per_seller
    for number in range(most):
        quoting(market).quote(prepared(market, b"line %d\n" % number), sums(1 + number))
    last = prepared(market, b"one line more\n")
    with pytest.raises(OracleRefused, match=f"expected at most {most} blind quotes") as refused:
        quoting(market).quote(last, sums(1))
    assert refused.value.problem == "too_many_offers"
    first = OfferStore(market.home / seller_account.address).find(
        market.file(b"line 0\n"), model_id=market.model_id, seller=seller_account.address
    )
    assert first is not None
    seller = market.seller()
    seller.decline(seller.offer(first)[0])
    market.pass_time(2 * DAY)
    assert quoting(market).quote(last, sums(1)).blind_quote is not None


def test_all_sellers_together_are_told_few_prices_that_no_data_bear_out(market: Market) -> None:
    """Identities cost nothing: a prober who has many would otherwise be told as many prices as she likes."""
    market.settings = market.settings.model_copy(update={"max_blind_prices_per_model": 2})
    market.open_oracle()
    for number in range(2):
        quoting(market).quote(prepared(market, b"line %d\n" % number), sums(1 + number))
    last = prepared(market, b"one line more\n", rival_account)
    with pytest.raises(OracleRefused, match="expected at most 2 blind prices of a model") as refused:
        quoting(market, rival_account).quote(last, sums(1))
    assert refused.value.problem == "too_many_offers"


def test_beside_offers_that_data_are_priced_with_there_is_no_blind_quote(market: Market) -> None:
    market.offer(b"x\ny\n")
    with pytest.raises(OracleRefused, match="expected a seller without other offers to this model") as refused:
        quoting(market).quote(prepared(market), sums(3))
    assert refused.value.problem == "blind_beside_offers"


@pytest.mark.parametrize("after", range(1, 4))
def test_an_oracle_that_crashes_between_messages_answers_the_next_one(
    market: Market, after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    handle = market.transport.handle_request

    def restarting(request: object) -> object:
        if "/blind" in request.url.path and len(sent_paths(market)) == after:  # type: ignore[attr-defined]
            market.restart()
        return handle(request)  # type: ignore[arg-type]

    monkeypatch.setattr(market.transport, "handle_request", restarting)
    record = quoting(market).quote(prepared(market), sums(3))
    assert record.blind_quote is not None
    assert record.blind_quote.price == 3 * PRICE_PER_RECORD


def test_a_seller_who_crashes_starts_again_until_the_price_was_asked_for(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = prepared(market)
    handle = market.transport.handle_request
    for lost in ("sums", "products"):

        def losing(request: object, lost: str = lost) -> object:
            answer = handle(request)  # type: ignore[arg-type]
            market.transport.down = request.url.path.endswith(lost)  # type: ignore[attr-defined]
            return answer

        monkeypatch.setattr(market.transport, "handle_request", losing)
        with pytest.raises(OracleUnreachable):
            quoting(market).quote(record, sums(3))
        market.transport.down = False
        monkeypatch.undo()
    record = quoting(market).quote(record, sums(3))
    assert record.blind_quote is not None


def test_no_second_price_is_told_for_one_offer(market: Market) -> None:
    """The same statement with other sums, by a seller whose record lost the first quote."""
    record = prepared(market)
    first = quoting(market).quote(record, sums(3))
    with pytest.raises(OracleRefused, match="expected 3 records, as this blind quote was opened with"):
        quoting(market).quote(record, sums(4))
    asked = len(sent_paths(market))
    assert quoting(market).quote(record, Sums(9 * ONE, 9 * ONE, 3, LINE_BLIND.terms, 0.5)) == first
    assert sent_paths(market)[asked:] == ["blind"]
    with pytest.raises(OracleRefused, match="expected a blind quote without a price, this one has its price"):
        market.as_seller.blind_sums(offer_id_of(record), b"other sums")


def test_sums_that_no_price_belongs_to_use_the_quote_up(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    """A seller who alters her share: the price that comes out is a random one."""
    share = Requester.shares

    def altered(self: Requester, response: bytes) -> list[Residues]:
        return [residues + np.uint64(1) for residues in share(self, response)]

    form = SecretForm(COUNTED.shape, COUNTED.weights, COUNTED.linear, quadratic=ONE)
    monkeypatch.setattr(BlindMarket, "blind", replace(LINE_BLIND, form=form))
    market.open_oracle()
    record = prepared(market)
    monkeypatch.setattr(Requester, "shares", altered)
    outcomes = set()
    for _ in range(2):
        try:
            quoting(market).quote(record, sums(3))
            outcomes.add("priced")
        except OracleRefused as refused:
            outcomes.add(refused.problem)
    assert outcomes <= {"blind_price_outside", "blind_error", "priced"}
    assert len(outcomes) == 1, "the first answer is kept"


def test_a_quote_that_nobody_asks_the_price_of_expires(market: Market) -> None:
    record = prepared(market)
    asked = quoting(market)
    opened = []
    original = market.transport.handle_request

    def late(request: object) -> object:
        if request.url.path.endswith("/sums"):  # type: ignore[attr-defined]
            opened.append(request)
            market.pass_time(OPEN_SECONDS + 1)
        return original(request)  # type: ignore[arg-type]

    market.transport.handle_request = late  # type: ignore[method-assign, assignment]
    with pytest.raises(OracleRefused) as refused:
        asked.quote(record, sums(3))
    assert refused.value.problem in ("offer_unknown", "token_invalid")
    assert opened


def test_messages_that_are_not_of_their_form_use_nothing_up(market: Market) -> None:
    record = prepared(market)
    client = market.as_seller
    original = client.blind_sums

    def cut(offer_id: object, message: bytes) -> bytes:
        with pytest.raises(OracleRefused, match=r"expected a request of .* bytes, got 100") as refused:
            original(offer_id, message[:100])  # type: ignore[arg-type]
        assert refused.value.problem == "blind_error"
        with pytest.raises(OracleRefused, match="at most 16777216 bytes") as large:
            original(offer_id, bytes(2**24 + 1))  # type: ignore[arg-type]
        assert large.value.problem == "request_too_large"
        return original(offer_id, message)  # type: ignore[arg-type]

    asked = quoting(market)
    asked._oracle.blind_sums = cut  # type: ignore[method-assign, assignment]
    assert asked.quote(record, sums(3)).blind_quote is not None


def test_an_offer_that_was_sent_gets_no_blind_quote(market: Market) -> None:
    _, record = market.quoted()
    with pytest.raises(UsageError, match="expected data that were not sent to the oracle"):
        quoting(market).quote(record, sums(3))


def test_a_model_without_a_price_from_sums_has_no_blind_quotes(tmp_path: Path) -> None:
    market = Market(tmp_path)
    assert market.http.model(market.model_id).blind is None
    with pytest.raises(OracleRefused) as refused:
        quoting(market).quote(prepared(market), sums(3))
    assert refused.value.problem == "blind_not_offered"
    market.journal.close()


def test_an_oracle_that_quotes_another_price_than_blindly_is_told_apart(market: Market) -> None:
    record = quoting(market).quote(prepared(market), sums(3))
    store = OfferStore(market.home / seller_account.address)
    assert record.blind_quote is not None
    record = store.update(record, blind_quote=record.blind_quote.model_copy(update={"price": 1}))
    with pytest.raises(OracleMisbehaved, match="expected the price of the blind quote, 1"):
        market.seller().offer(record)


def test_terms_of_sums_that_are_none_are_named(market: Market) -> None:
    """They are an oracle's word, and anything may stand there."""
    model = market.http.model(market.model_id)
    hostile = {"features": 17, **{f"x{i}": i for i in range(1000)}}
    with pytest.raises(OracleMisbehaved, match="expected the terms of sums") as raised:
        sums_of(market.file(), model.model_copy(update={"sums": hostile}))
    assert len(raised.value.message) < 1000


@pytest.mark.parametrize(
    "told",
    [
        {"sums": {"features": {"seed": "0x" + 32 * "07"}}},
        {"sums": {"damping": float("nan")}},
        {"schema_": SCHEMA.model_copy(update={"label": "another"})},
        {"fidelity": 0.98},
        {"price_grid": 1},
        {"remainder": bytes(32)},
    ],
    ids=lambda told: "-".join(f"{name} {value}"[:20] for name, value in told.items()),
)
def test_an_oracle_that_tells_one_seller_of_another_price_function_is_sent_nothing(
    market: Market, monkeypatch: pytest.MonkeyPatch, told: dict[str, object]
) -> None:
    """Sums over features of its choice would tell it of her data what it likes."""
    honest = PricedModel.info
    assert check_model(market.terms, market.http.model(market.model_id)).sums is None
    monkeypatch.setattr(PricedModel, "info", lambda self: honest(self).model_copy(update=told))
    with pytest.raises(OracleMisbehaved, match="commits to, the oracle published other columns, sums or figures"):
        prepared(market)
    assert not any(request.method == "POST" for request in market.transport.seen)


def test_sizes_of_sums_that_are_not_the_models_are_sent_nothing(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = prepared(market)
    monkeypatch.setattr(BlindMarket, "blind", replace(LINE_BLIND, terms=replace_bits(LINE_BLIND.terms)))
    market.open_oracle()
    with pytest.raises(OracleMisbehaved, match="expected the sizes and bounds of the model's sums"):
        quoting(market).quote(record, sums(3))
    assert sent_paths(market) == ["blind"]
