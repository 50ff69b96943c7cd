"""``assay buy`` and ``assay orders``: advance a model's orders, and list orders."""

import threading
from pathlib import Path

import click

from assay.cli.options import model_option
from assay.cli.params import ADDRESS, MODEL
from assay.cli.session import Session, pass_session
from assay.cli.terminal import emit, json_option, printable, progress, report
from assay.errors import ChainError
from assay.protocol.types import ModelId
from assay.sale.buyer import Buyer, Purchase


@click.command()
@model_option
@click.option("--into", type=click.Path(path_type=Path, file_okay=False), help="Folder; by default <home>/purchases.")
@click.option("--once", is_flag=True, help="Poll once and stop, instead of watching.")
@click.option("--every", type=click.FloatRange(0.1), default=5, show_default=True, help="Seconds between two polls.")
@json_option
@pass_session
def buy(session: Session, model_id: ModelId, into: Path | None, once: bool, every: float, as_json: bool) -> None:
    """Watch a model's orders: download, check, open, acknowledge; dispute what the key does not open.

    \b
    Examples:
      assay buy --model 0x12... --into data/
      assay buy --model 0x12... --once --json
    """
    buyer = Buyer(
        session.chain(sending=True),
        session.oracle,
        session.account,
        session.identity,
        into or session.settings.home / "purchases",
        report=report,
        progress=progress,
    )
    if once:
        purchases = buyer.poll(model_id)
        _print(purchases, as_json)
        if any(purchase.error for purchase in purchases):
            raise click.exceptions.Exit(1)
        return
    shown: list[dict[str, object]] = []
    while True:
        try:
            purchases = buyer.poll(model_id)
        except ChainError as error:
            report(f"{error.message}; trying again")
        else:
            before, shown = shown, [_shown(purchase) for purchase in purchases]
            _print([p for p, row in zip(purchases, shown, strict=True) if row not in before], as_json)
        threading.Event().wait(every)


def _print(purchases: list[Purchase], as_json: bool) -> None:
    lines = [f"{_shown(p)['order_id']}\t{p.status.name.lower()}\t{printable(str(p.file or p.note))}" for p in purchases]
    if lines or as_json:
        emit([_shown(purchase) for purchase in purchases], "\n".join(lines), as_json)


def _shown(purchase: Purchase) -> dict[str, object]:
    return {
        "order_id": "0x" + purchase.order.order_id().hex(),
        "status": purchase.status.name.lower(),
        "price": str(purchase.order.price),
        "file": str(purchase.file) if purchase.file else None,
        "note": purchase.note or None,
        "gas": purchase.gas,
    }


@click.command()
@click.option("--model", "model_id", type=MODEL, help="Orders of this model.")
@click.option("--seller", type=ADDRESS, help="Orders of this seller.")
@json_option
@pass_session
def orders(session: Session, model_id: ModelId | None, seller: str | None, as_json: bool) -> None:
    """List orders with their state.

    A line holds the id, the state, and the deadline of the current window in Unix seconds, 0 if none is open.

    \b
    Examples:
      assay orders --model 0x12...
      assay orders --seller 0xC3... --json
    """
    chain = session.chain(sending=False)
    rows = []
    for posted in chain.posted(model_id=model_id, seller=seller):
        state = chain.order_state(posted.order.order_id())
        rows.append(
            {
                "order_id": "0x" + posted.order.order_id().hex(),
                "status": state.status.name.lower(),
                "deadline": state.deadline,
                "order": posted.order,
            }
        )
    lines = [f"{row['order_id']}\t{row['status']}\t{row['deadline']}" for row in rows]
    emit(rows, "\n".join(lines) or "no orders", as_json)
