"""``assay bought``: purchases with their provenance, exported and checked again."""

from pathlib import Path

import click

from assay.amounts import short_amount
from assay.cli.group import Group
from assay.cli.session import Session, pass_session
from assay.cli.tables import fields, id_text, table, time_text
from assay.cli.terminal import emit, json_option
from assay.errors import AssayError, OracleError, UsageError
from assay.protocol.schema import Schema
from assay.protocol.types import ModelId
from assay.sale.bought import FORMATS, check_again, usual_suffix
from assay.sale.bought import export as export_file
from assay.sale.escrow import EscrowRecords
from assay.sale.members.order_records import OrderRecords
from assay.sale.portfolio import OrderView, Role
from assay.sale.purchase import PurchaseFiles

_NAME_DIGITS = 16
into_option = click.option(
    "--into", type=click.Path(path_type=Path, file_okay=False), help="Folder of assay buy; by default <home>/purchases."
)
order_argument = click.argument("order")
"""An order's id, or the first digits of it."""


@click.group(cls=Group)
def bought() -> None:
    """List, export and check again the files that your models bought."""


@bought.command("list")
@into_option
@json_option
@pass_session
def list_(session: Session, into: Path | None, as_json: bool) -> None:
    """List the opened files with their provenance: order, price, data root; with --json schema and transaction, too.

    \b
    Examples:
      assay bought list
      assay bought list --json
    """
    chain = session.chain(sending=False)
    views = _purchases(session, into)
    schemas = {model_id: _schema(session, model_id) for model_id in {view.posted.order.model_id for view in views}}
    rows = [
        (
            time_text(chain.time_of(view.posted.block)),
            id_text(view.order_id),
            short_amount(view.posted.order.price, chain.token(view.posted.order.token)),
            session.model_text(view.posted.order.model_id),
            view.status.name.lower(),
            id_text(view.posted.order.data_root),
            view.file,
        )
        for view in views
    ]
    result = [
        {
            "order_id": view.order_id,
            "status": view.status.name.lower(),
            "model_id": view.posted.order.model_id,
            "seller": view.posted.order.seller,
            "price": str(view.posted.order.price),
            "token": view.posted.order.token,
            "data_root": view.posted.order.data_root,
            "transaction": view.posted.transaction,
            "time": chain.time_of(view.posted.block),
            "file": str(view.file),
            "bytes": view.file.stat().st_size if view.file else 0,
            "schema": schemas[view.posted.order.model_id],
        }
        for view in views
    ]
    heads = ("date", "order", "price", "model", "state", "root", "file")
    nothing = f"nothing is bought and opened in {into or session.purchases_folder} yet; --into names another folder"
    emit(result, table(heads, rows) if rows else nothing, as_json)


@bought.command()
@order_argument
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), required=False)
@click.option(
    "--format", "form", type=click.Choice(sorted(set(FORMATS.values()))), help="By default that of FILE's suffix."
)
@into_option
@json_option
@pass_session
def export(session: Session, order: str, file: Path | None, form: str | None, into: Path | None, as_json: bool) -> None:
    """Export what ORDER bought to FILE, by default a file here with the start of the order's id as its name.

    The values are unchanged; in the format that it was bought in, the file is copied as it is. A CSV file has no types:
    the oracle is asked which columns of the model are numbers, booleans and times, and all others are text. The new
    file can be read by its owner alone; an existing file is not replaced. Another format than that of the purchase
    needs pip install 'assay[formats]'.

    A seller chose the texts. A spreadsheet computes one that begins with =, +, -, @ or a tab: import the columns of a
    CSV file as text, and do not open it.

    \b
    Examples:
      assay bought export 0x9c... --format parquet
      assay bought export 0x9c... data.jsonl --json
    """
    if file is None and form is None:
        raise UsageError("expected a FILE or --format, got neither", hint="for example --format parquet")
    view, source = _purchase(session, order, into)
    target = file or Path(f"{view.order_id.hex()[:_NAME_DIGITS]}{usual_suffix(form or '')}")
    export_file(source, target, lambda: session.oracle.model(view.posted.order.model_id).schema_, form=form)
    emit({"file": target, "bytes": target.stat().st_size}, fields([("file", target)]), as_json)


@bought.command()
@order_argument
@into_option
@json_option
@pass_session
def check(session: Session, order: str, into: Path | None, as_json: bool) -> None:
    """Check again that the opened file of ORDER is what its data root on chain commits to. Needs the sealed file.

    Ends with status 1 if it is not.

    \b
    Examples:
      assay bought check 0x9c...
      assay bought check 0x9c... --json
    """
    view, source = _purchase(session, order, into)
    chain, folder = session.chain(sending=False), into or session.purchases_folder
    posted = view.posted.order

    def key() -> bytes | None:
        escrow = EscrowRecords(chain, session.account, session.identity, folder)
        found = escrow.revealed_key(posted)
        if found is not None:
            return found
        try:
            members = session.committee.as_party_of(session.account, chain.domain)
            armored = OrderRecords(chain, members, session.identity).record(posted).key_envelope
        except OracleError:
            armored = None
        return escrow.key(posted, view.status, armored)

    compared = check_again(chain, posted, source, PurchaseFiles(folder), key)
    root = f"0x{posted.data_root.hex()}"
    rows = [("file", source), ("root", root), ("compared with", compared), ("verdict", "what was bought")]
    emit({"file": source, "data_root": root, "compared_with": compared, "is_as_bought": True}, fields(rows), as_json)


def _purchases(session: Session, into: Path | None) -> list[OrderView]:
    """Orders of the account's models whose opened file is in the folder; oldest first."""
    views = session.portfolio(session.chain(sending=False), into).orders()
    return [view for view in views if view.role is Role.BUYER and view.file is not None]


def _purchase(session: Session, order: str, into: Path | None) -> tuple[OrderView, Path]:
    start = order.lower().removeprefix("0x")
    views = _purchases(session, into)
    found = [(view, view.file) for view in views if view.file and start and view.order_id.hex().startswith(start)]
    if len(found) != 1:
        raise UsageError(
            f"expected one order whose file is open in {into or session.purchases_folder} and whose id begins with "
            f"{order!r}, found {len(found)}",
            hint="assay bought list lists them; --into names another folder; assay buy opens what is paid",
        )
    return found[0]


def _schema(session: Session, model_id: ModelId) -> Schema | None:
    """Columns of a model's records; None if the oracle does not say."""
    try:
        return session.oracle.model(model_id).schema_
    except AssayError:
        return None
