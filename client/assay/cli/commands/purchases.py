"""``assay buy``: advance the orders of a model."""

import json
import threading
from pathlib import Path

import click

from assay.amounts import Token, short_amount
from assay.cli.options import model_option, proofs_option
from assay.cli.session import Session, pass_session
from assay.cli.tables import id_text, table
from assay.cli.terminal import emit, json_option, progress, report
from assay.errors import ChainError, ExitCode
from assay.oracle.downloads import DEFAULT_STREAMS, MOST_STREAMS
from assay.protocol.structs import Status
from assay.protocol.types import ModelId
from assay.sale.buyer import Buyer
from assay.sale.proven.prices import PriceDisproven
from assay.sale.proven.purchases import ProvenPurchases
from assay.sale.purchase import Purchase

MOST_PAUSE = 900
"""Seconds between two polls at most: a quarter of the shortest window to dispute."""


@click.command()
@model_option
@click.option("--into", type=click.Path(path_type=Path, file_okay=False), help="Folder; by default <home>/purchases.")
@click.option("--once", is_flag=True, help="Poll once and stop, instead of watching.")
@click.option(
    "--every", type=click.FloatRange(0.1, MOST_PAUSE), default=5, show_default=True, help="Seconds between two polls."
)
@click.option(
    "--streams",
    type=click.IntRange(1, MOST_STREAMS),
    default=DEFAULT_STREAMS,
    show_default=True,
    help="Requests of a download that are under way at a time.",
)
@proofs_option("pay for proven prices alone")
@json_option
@pass_session
def buy(
    session: Session,
    model_id: ModelId,
    into: Path | None,
    once: bool,
    every: float,
    streams: int,
    proofs: Path | None,
    as_json: bool,
) -> None:
    """Watch a model's orders: download, check, open, acknowledge; dispute what the key does not open.

    With --proofs, an order whose price the oracle did not prove is not paid for; once the data are there, they are
    compared with the proof, and kept with it as evidence if they have another price.

    With --once, the exit code is 5 while an order is still open. Watching with --json prints one object a line.

    \b
    Examples:
      assay buy --model 0x12... --into data/
      assay buy --model 0x12... --once --json
      assay buy --model 0x12... --proofs proofs/
    """
    chain = session.chain(sending=True)
    folder = into or session.purchases_folder
    checks = None
    if proofs is not None:
        checks = ProvenPurchases(chain, proofs, folder, lambda: session.model(chain, model_id))
    buyer = Buyer(
        chain,
        session.committee,
        session.account,
        session.identity,
        folder,
        report=report,
        progress=progress,
        streams=streams,
        check=checks.before_payment if checks else lambda *_: None,
    )

    def polled() -> list[Purchase]:
        purchases = buyer.poll(model_id)
        for purchase in purchases:
            if checks:
                checks.after_delivery(purchase)
        return purchases

    watch = Watch(session, chain.token(buyer.terms(model_id).token), folder, as_json=as_json)
    if once:
        purchases = polled()
        watch.show_all(purchases)
        if any(isinstance(purchase.error, PriceDisproven) for purchase in purchases):
            raise click.exceptions.Exit(int(ExitCode.EVIDENCE))
        if any(purchase.error for purchase in purchases):
            raise click.exceptions.Exit(int(ExitCode.FAILED))
        raise click.exceptions.Exit(int(ExitCode.WAITING if any(map(is_open, purchases)) else ExitCode.DONE))
    report(f"watching the orders of {session.model_text(model_id)}; files go to {folder}; Ctrl-C stops")
    while True:
        try:
            purchases = polled()
        except ChainError as error:
            report(f"{error.message}; trying again")
        except Exception as fault:
            # A fault with one purchase must not end the watch over the windows of the others.
            report(f"a fault of this program: {type(fault).__name__}: {fault}; trying again")
        else:
            watch.show_changes(purchases)
        pause(every)


def pause(seconds: float) -> None:
    """Waits between two polls."""
    threading.Event().wait(seconds)


HEADS = ("order", "state", "price", "file", "note")


def is_open(purchase: Purchase) -> bool:
    """Whether something may still be due for an order."""
    return purchase.status in (Status.LOCKED, Status.REVEALED) or (purchase.status is Status.PAID and not purchase.file)


class Watch:
    """Prints purchases: all of them, or those that changed since they were printed last."""

    def __init__(self, session: Session, token: Token, folder: Path, *, as_json: bool) -> None:
        self._session = session
        self._token = token
        self._folder = folder
        self._as_json = as_json
        self._heads_shown = 0
        self._shown: dict[bytes, dict[str, object]] = {}

    def show_all(self, purchases: list[Purchase]) -> None:
        """One table, or one JSON array."""
        text = table(HEADS, map(self._row, purchases)) if purchases else "no orders yet"
        emit([self._plain(purchase) for purchase in purchases], text, self._as_json)

    def show_changes(self, purchases: list[Purchase]) -> None:
        """A line for each change, the heads before the first; with JSON, one object a line."""
        changed = []
        for purchase in purchases:
            plain = self._plain(purchase)
            known = {name: value for name, value in plain.items() if name != "gas"}
            if self._shown.get(purchase.order.order_id()) != known:
                self._shown[purchase.order.order_id()] = known
                changed.append((purchase, plain))
        if self._as_json:
            for _, plain in changed:
                click.echo(json.dumps(plain))
        elif changed:
            lines = table(HEADS, [self._row(purchase) for purchase, _ in changed]).splitlines()
            click.echo("\n".join(lines[self._heads_shown :]))
            self._heads_shown = 1

    def _row(self, purchase: Purchase) -> tuple[object, ...]:
        return (
            id_text(purchase.order.order_id()),
            purchase.status.name.lower(),
            short_amount(purchase.order.price, self._token),
            purchase.file or "-",
            purchase.advice or "-",
        )

    def _plain(self, purchase: Purchase) -> dict[str, object]:
        return {
            "order_id": "0x" + purchase.order.order_id().hex(),
            "status": purchase.status.name.lower(),
            "price": str(purchase.order.price),
            "file": str(purchase.file) if purchase.file else None,
            "note": purchase.note or None,
            "hint": purchase.error.hint if purchase.error else None,
            "gas": purchase.gas,
        }
