"""``assay orders`` and ``assay history``: what was sold and bought, with its state and its cost."""

import csv
import io
from datetime import UTC, datetime

import click

from assay.amounts import exact_amount, short_amount
from assay.cli.params import ADDRESS, MODEL
from assay.cli.session import Session, pass_session
from assay.cli.tables import due_text, id_text, table, time_text
from assay.cli.terminal import emit, json_option
from assay.protocol.structs import Status
from assay.protocol.types import ModelId

_OPEN = (Status.LOCKED, Status.REVEALED)


@click.command()
@click.option("--model", "model_id", type=MODEL, help="Orders of this model.")
@click.option("--seller", type=ADDRESS, help="Orders of this seller.")
@click.option("--all", "everybody", is_flag=True, help="Orders of everybody.")
@json_option
@pass_session
def orders(session: Session, model_id: ModelId | None, seller: str | None, everybody: bool, as_json: bool) -> None:
    """List orders with their state: by default those that you sell, and those of your models.

    \b
    Examples:
      assay orders
      assay orders --model dress-model
      assay orders --seller 0xC3... --json
    """
    chain = session.chain(sending=False)
    portfolio = session.portfolio(chain)
    if model_id or seller or everybody:
        views = portfolio.views(chain.posted(model_id=model_id, seller=seller))
    else:
        views = portfolio.orders()
    now = session.now()
    rows = [
        (
            time_text(chain.time_of(view.posted.block)),
            id_text(view.order_id),
            view.status.name.lower(),
            due_text(view.deadline, now) if view.status in _OPEN else "-",
            short_amount(view.posted.order.price, chain.token(view.posted.order.token)),
            session.model_text(view.posted.order.model_id),
            view.role,
            view.file.name if view.file else "-",
        )
        for view in views
    ]
    result = [
        {
            "order_id": view.order_id,
            "status": view.status.name.lower(),
            "deadline": view.deadline,
            "role": str(view.role),
            "file": str(view.file) if view.file else None,
            "order": view.posted.order,
        }
        for view in views
    ]
    heads = ("date", "order", "state", "until", "price", "model", "role", "file")
    emit(result, table(heads, rows) if rows else "no orders", as_json)


@click.command()
@click.option("--csv", "as_csv", is_flag=True, help="Print comma-separated values, for a spreadsheet.")
@json_option
@pass_session
def history(session: Session, as_csv: bool, as_json: bool) -> None:
    """List your sales and purchases with date, price, gas and transaction.

    Gas and fee are those of the transactions that this account sent for the order.

    \b
    Examples:
      assay history
      assay history --csv > sales.csv
    """
    chain = session.chain(sending=False)
    entries = []
    for view in session.portfolio(chain).orders():
        order, token = view.posted.order, chain.token(view.posted.order.token)
        own = [sent for sent in chain.history(view.order_id) if sent.sender == session.address]
        entries.append(
            {
                "date": datetime.fromtimestamp(chain.time_of(view.posted.block), UTC).isoformat(),
                "order": f"0x{view.order_id.hex()}",
                "model": session.names.of_model(order.model_id) or f"0x{order.model_id.hex()}",
                "file": view.file.name if view.file else "",
                "role": str(view.role),
                "price": exact_amount(order.price, token).split()[0],
                "token": token.symbol,
                "price_base_units": str(order.price),
                "gas": sum(sent.gas for sent in own),
                "fee_wei": str(sum(sent.fee for sent in own)),
                "state": view.status.name.lower(),
                "transaction": f"0x{view.posted.transaction.hex()}",
            }
        )
    if as_csv and not as_json:
        click.echo(_csv(entries), nl=False)
        return
    rows = [
        (
            time_text(int(datetime.fromisoformat(str(entry["date"])).timestamp())),
            id_text(bytes.fromhex(str(entry["order"]).removeprefix("0x"))),
            *(entry["model"], entry["file"] or "-", entry["role"], f"{entry['price']} {entry['token']}", entry["gas"]),
            *(short_amount(int(str(entry["fee_wei"]))), entry["state"]),
        )
        for entry in entries
    ]
    heads = ("date", "order", "model", "file", "role", "price", "gas", "fee", "state")
    emit(entries, table(heads, rows) if rows else "no sales and no purchases yet", as_json)


_FORMULAS = ("=", "+", "-", "@")
HISTORY_COLUMNS = (
    *("date", "order", "model", "file", "role", "price", "token", "price_base_units"),
    *("gas", "fee_wei", "state", "transaction"),
)


def _csv(entries: list[dict[str, object]]) -> str:
    """RFC 4180, with a head. A text that a spreadsheet would compute gets an apostrophe in front of it."""
    written = io.StringIO()
    writer = csv.DictWriter(written, HISTORY_COLUMNS)
    writer.writeheader()
    for entry in entries:
        writer.writerow({name: _inert(value) for name, value in entry.items()})
    return written.getvalue()


def _inert(value: object) -> object:
    return f"'{value}" if str(value).startswith(_FORMULAS) else value
