"""``assay sell``: a complete sale. After an interruption the same command resumes."""

from pathlib import Path

import click

from assay.cli.options import model_option
from assay.cli.params import AMOUNT
from assay.cli.session import Session, pass_session
from assay.cli.terminal import emit, json_option, progress, report
from assay.protocol.messages import OfferState
from assay.protocol.types import ModelId
from assay.sale.offers import OfferRecord
from assay.sale.seller import Seller


@click.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@model_option
@click.option("--yes", is_flag=True, help="Accept any price.")
@click.option("--min-price", type=AMOUNT, help="Accept from this price on, decline below.")
@click.option("--quote-only", is_flag=True, help="Stop at the quote; run again to sell.")
@click.option("--no-cooperation", is_flag=True, help="Do not let the oracle hand the key to the buyer first.")
@click.option("--patience", type=int, default=600, show_default=True, help="Seconds to leave the buyer to close.")
@click.option("--trust-wallet", is_flag=True, help="Rely on the receipt of a contract, which can take it back.")
@click.option("--direct", is_flag=True, help="Reveal the data itself on chain, in public: small data alone.")
@json_option
@pass_session
def sell(
    session: Session,
    file: Path,
    model_id: ModelId,
    yes: bool,
    min_price: int | None,
    quote_only: bool,
    no_cooperation: bool,
    patience: int,
    trust_wallet: bool,
    direct: bool,
    as_json: bool,
) -> None:
    """Offer FILE to a model, and sell it at the oracle's price.

    Seals the data, uploads it, waits for the price, asks whether to accept, and hands the key over once the payment is
    locked. After an interruption, the same command resumes.

    \b
    Examples:
      assay sell data.parquet --model 0x12...
      assay sell data.csv --model 0x12... --min-price 0.2ether --json
    """
    seller = Seller(
        session.chain(sending=True),
        session.oracle,
        session.offers,
        session.account,
        now=session.now,
        report=report,
        trust_wallet=trust_wallet,
    )
    ended = session.offers.find(file, model_id=model_id, seller=session.account.address, ended=True)
    if ended and ended.outcome:
        report("this file was offered to this model before; it is priced for a model only once")
        _end(ended, ended.outcome, as_json)
        return
    with progress("sealing", file.stat().st_size) as done:
        record = seller.prepare(file, model_id, progress=done)
    if record.acceptance is None:
        with progress("uploading", session.offers.sealed(record).stat().st_size) as done:
            record, state = seller.offer(record, progress=done)
        _show(state)
        if record.quote is None:
            emit(_result(record, "declined"), "declined\tthe data adds nothing to this model", as_json)
            return
        if quote_only:
            emit(_result(record, "quoted"), f"quoted\t{record.quote.price}", as_json)
            return
        wanted = record.quote.price >= min_price if min_price is not None else yes
        if not wanted and min_price is None:
            wanted = click.confirm(f"Sell for {record.quote.price} base units?", err=True)
        if not wanted:
            _end(seller.decline(record), "declined", as_json)
            return
    record = seller.accept(record, cooperative=not (no_cooperation or direct))
    report("payment locked")
    if direct:
        status = seller.reveal_data(record)
    else:
        status = seller.release(record, patience=0 if no_cooperation else patience)
    _end(record, status.name.lower(), as_json)


def _end(record: OfferRecord, outcome: str, as_json: bool) -> None:
    emit(_result(record, outcome), f"{outcome}\t{record.quote.price if record.quote else 0}", as_json)
    if outcome not in ("paid", "declined"):
        raise click.exceptions.Exit(1)


def _show(state: OfferState) -> None:
    if state.appraisal:
        report(f"{state.appraisal.priced} of {state.appraisal.records} records priced")
        for reason in state.appraisal.reasons:
            report(f"  {reason}")


def _result(record: OfferRecord, status: str) -> dict[str, object]:
    return {
        "status": status,
        "price": str(record.quote.price) if record.quote else "0",
        "offer_id": record.offer_id,
        "order_id": record.quote.order_id() if record.quote else None,
        "data_root": record.data_root,
    }
