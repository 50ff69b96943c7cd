"""``assay sell``: a complete sale, which the same command resumes. ``assay quote``: a price before it."""

from enum import Enum
from pathlib import Path

import click

from assay.amounts import Token, WrittenAmount, amount_text, short_amount
from assay.chain.queries import registered_terms
from assay.cli.options import offer_model_option, proofs_option
from assay.cli.params import WRITTEN, DataFile
from assay.cli.session import Session, pass_session
from assay.cli.tables import due_text, fields
from assay.cli.terminal import emit, json_option, progress, report
from assay.errors import ExitCode, UsageError
from assay.protocol.messages import OfferState
from assay.protocol.structs import Quote
from assay.protocol.types import ModelId
from assay.sale.blind import BlindQuoting, sums_of
from assay.sale.offered.packing import packed
from assay.sale.offers import OfferRecord
from assay.sale.proven.quotes import check_quoted
from assay.sale.seller import Seller

MOST_LEVERAGE = 0.5
"""Of a record in a blind quote, above which its seller is warned."""
EXIT_CODES = {"paid": ExitCode.DONE, "declined": ExitCode.DECLINED, "quoted": ExitCode.QUOTED}


class Answer(Enum):
    """What a seller answers to a price."""

    ACCEPT = "accept"
    DECLINE = "decline"
    LATER = "later"


@click.command()
@click.argument("file", type=DataFile(folder=True))
@offer_model_option
@click.option("--yes", is_flag=True, help="Accept any price.")
@click.option("--min-price", type=WRITTEN, help="Accept from this price on; below it, leave the quote open.")
@click.option("--decline", is_flag=True, help="Decline the quote: the offer ends for ever.")
@click.option(
    "--quote-only",
    is_flag=True,
    help="Stop at the quote. Uploads the data to the oracle and uses up its one evaluation for this model.",
)
@click.option(
    "--patience",
    type=int,
    default=600,
    show_default=True,
    help="Seconds to leave the buyer to acknowledge, before the key goes on chain.",
)
@proofs_option("accept proven prices of these data alone")
@click.option("--trust-wallet", is_flag=True, help="Rely on signatures of a contract, which can take them back.")
@click.option("--direct", is_flag=True, help="Reveal the data itself on chain, in public: small data alone.")
@json_option
@pass_session
def sell(
    session: Session,
    file: Path,
    model_id: ModelId,
    yes: bool,
    min_price: WrittenAmount | None,
    decline: bool,
    quote_only: bool,
    patience: int,
    proofs: Path | None,
    trust_wallet: bool,
    direct: bool,
    as_json: bool,
) -> None:
    """Offer FILE to a model, and sell it at the oracle's price.

    Seals the data, uploads it, waits for the price, asks whether to accept, and waits until the buyer acknowledges and
    the contract pays. Reveals the key on chain if the buyer does not. After an interruption, the same command resumes.

    FILE may be a folder of Parquet files, or of pictures with their labels: it is packed into one file (assay pack).

    A file is priced for a model once. A quote that is not answered stays open until it expires; only --decline, or the
    answer "decline", declines it, and then these records cannot be offered to this model again.

    With --proofs, a price that the oracle did not prove for these data is not accepted, and the quote stays open. The
    proof is kept with the offer: if it is of other data, it is evidence.

    The exit code tells the ends apart: 0 paid, 3 declined, 4 the quote is open, 6 the price is that of other data, 1
    anything else.

    \b
    Examples:
      assay sell data.parquet --model 0x12...
      assay sell data.csv --model 0x12... --min-price 0.2eth --json
      assay sell pictures/ --model 0x12...
      assay sell data.csv --model 0x12... --proofs proofs/
    """
    if decline and (yes or min_price):
        raise UsageError("expected --decline or a price to accept (--yes, --min-price), got both")
    chain = session.chain(sending=True)
    token = chain.token(registered_terms(chain, model_id).token)
    least = min_price.base_units(token) if min_price else None
    checks = session.proofs(chain, model_id, proofs) if proofs else None
    seller = Seller(
        chain,
        session.committee,
        session.offers,
        session.account,
        now=session.now,
        report=report,
        trust_wallet=trust_wallet,
    )
    if file.is_dir():
        report(f"packing {file} into one file")
        file = packed(file, session.settings.home)
    found = seller.find(file, model_id)
    if found and found.outcome:
        report("this file was offered to this model before; it is priced for a model only once")
        _end(found, found.outcome, token, as_json)
        return
    with progress("sealing", file.stat().st_size) as done:
        record = seller.prepare(file, model_id, progress=done)
    if record.acceptance is None:
        with progress("uploading", session.offers.sealed(record).stat().st_size) as done:
            record, state = seller.offer(record, progress=done)
        _report_appraisal(state)
        if record.quote is None:
            report("the data adds nothing to this model: no price")
            _end(record, "declined", token, as_json)
            return
        if checks is not None and not decline:
            kept = session.offers.proof(record)
            check_quoted(checks, record, state, file, kept)
            report(f"the price is proven for these data: {kept}")
        if quote_only:
            answer = Answer.LATER
        elif least is not None:
            answer = Answer.ACCEPT if record.quote.price >= least else Answer.LATER
        elif yes or decline:
            answer = Answer.ACCEPT if yes else Answer.DECLINE
        else:
            answer = _ask(record.quote, state, token, session.now())
        if answer is Answer.LATER:
            _report_open(record.quote, session.now())
            _end(record, "quoted", token, as_json)
            return
        if answer is Answer.DECLINE:
            _end(seller.decline(record), "declined", token, as_json)
            return
    elif decline:
        _end(seller.decline(record), "declined", token, as_json)
        return
    record = seller.accept(record)
    status = seller.reveal_data(record) if direct else seller.release(record, patience=patience)
    _end(record, status.name.lower(), token, as_json)


def _ask(quote: Quote, state: OfferState, token: Token, now: int) -> Answer:
    """Shows the price and what each answer does. Nothing but the word ``decline`` declines."""
    priced = state.appraisal.priced if state.appraisal else 0
    each = f", {short_amount(quote.price // priced, token)} a record" if priced else ""
    report(f"\nprice: {amount_text(quote.price, token)}{each}")
    report(
        "  accept   sells: the payment is locked, then paid once the buyer acknowledges, then the key is handed over"
    )
    report("  decline  ends the offer for ever: these records cannot be offered to this model again, and they still")
    report("           count as yours when later offers are priced")
    report(f"  Enter    leaves the quote open until {due_text(quote.expiry, now)}: run the same command to accept it")
    while True:
        try:
            typed = click.prompt("accept, decline, or Enter for later", default="", show_default=False, err=True)
        except click.Abort as abort:
            if isinstance(abort.__context__, EOFError):
                return Answer.LATER
            _report_open(quote, now)
            raise
        word = typed.strip().lower()
        if word in ("", "n", "no", "later"):
            return Answer.LATER
        if word in ("a", "accept", "y", "yes"):
            return Answer.ACCEPT
        if word == "decline":
            return Answer.DECLINE
        report(f"expected accept, decline or nothing, got {word!r}")


def _report_open(quote: Quote, now: int) -> None:
    report(
        f"the quote is open until {due_text(quote.expiry, now)}; run the same command to accept or decline it. "
        "After that time the oracle is asked to renew it at the same price"
    )


def _report_appraisal(state: OfferState) -> None:
    if state.appraisal:
        report(f"{state.appraisal.priced} of {state.appraisal.records} records are distinct")
        for reason in state.appraisal.reasons:
            report(f"  {reason}")


def _end(record: OfferRecord, outcome: str, token: Token, as_json: bool) -> None:
    price = record.quote.price if record.quote else 0
    result = {
        "status": outcome,
        "price": str(price),
        "token": token.address,
        "expires": record.quote.expiry if record.quote else None,
        "offer_id": record.offer_id,
        "order_id": record.quote.order_id() if record.quote else None,
        "data_root": record.data_root,
    }
    emit(result, fields([(outcome, amount_text(price, token))]), as_json)
    raise click.exceptions.Exit(int(EXIT_CODES.get(outcome, ExitCode.FAILED)))


@click.command()
@click.argument("file", type=DataFile())
@offer_model_option
@click.option("--blind", is_flag=True, help="Send encrypted sums over the records, and nothing else of them.")
@json_option
@pass_session
def quote(session: Session, file: Path, model_id: ModelId, blind: bool, as_json: bool) -> None:
    """Ask for the price of FILE without sending it.

    Seals the data, computes sums over their distinct records by the model's public terms, and encrypts these. The
    oracle prices the ciphertexts, and signs the price. `assay sell` then sells the data at this price: it uploads them,
    and the oracle prices the data themselves. If they have another price, nothing is paid, and they cannot be offered
    again.

    Each price that no data bear out counts against its seller: an oracle answers few of them.

    \b
    Example:
      assay quote data.parquet --model 0x12... --blind
    """
    if not blind:
        raise UsageError(
            "expected --blind: without it a price needs the data",
            hint="assay sell FILE --quote-only uploads the data and stops at the quote",
        )
    chain = session.chain(sending=True)
    token = chain.token(registered_terms(chain, model_id).token)
    seller = Seller(chain, session.committee, session.offers, session.account, now=session.now, report=report)
    sums = sums_of(file, session.model(chain, model_id))
    if sums.leverage > MOST_LEVERAGE:
        report(
            f"one record has a share of {sums.leverage:.0%} in what these {sums.records} records say where it is: who "
            "knows the rest of it may read its label from the price; more records at a time hide it"
        )
    with progress("sealing", file.stat().st_size) as done:
        record = seller.prepare(file, model_id, progress=done)
    record = BlindQuoting(chain, session.oracle, session.offers, session.account).quote(record, sums)
    found = record.blind_quote
    assert found is not None
    report(f"the price of {found.records} distinct records, until {due_text(found.expiry, session.now())}")
    result = {
        "price": str(found.price),
        "token": token.address,
        "records": found.records,
        "leverage": round(sums.leverage, 3),
        "expires": found.expiry,
        "data_root": record.data_root,
    }
    emit(result, fields([("blind quote", amount_text(found.price, token))]), as_json)
