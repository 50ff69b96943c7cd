"""``assay status`` and ``assay clean``: money, what is due and until when, and the room that a home takes."""

import os
import shlex
import stat
from contextlib import suppress
from pathlib import Path

import click

from assay.amounts import Token, amount_text, short_amount
from assay.chain.port import Chain
from assay.chain.queries import registered_terms
from assay.cli.session import Session, pass_session
from assay.cli.tables import due_text, fields, size_text, table
from assay.cli.terminal import emit, json_option
from assay.protocol.structs import Order, Status
from assay.protocol.types import NATIVE_TOKEN
from assay.sale.portfolio import Duty

_OPEN = (Status.LOCKED, Status.REVEALED)


@click.command()
@json_option
@pass_session
def status(session: Session, as_json: bool) -> None:
    """Show your money, your open offers and orders, what is due until when, and the command that does it.

    \b
    Example:
      assay status
    """
    chain = session.chain(sending=False)
    portfolio = session.portfolio(chain)
    views = portfolio.orders()
    duties = portfolio.duties(views, session.now())
    money = _money(chain, session.address, [view.posted.order for view in views if view.status in _OPEN])
    home = folder_size(session.settings.home)
    disposable = sum(path.stat().st_size for path in session.disposable(chain))
    result = {
        "account": session.address,
        "money": [
            {"token": token.address, **{name.replace(" ", "_"): str(amount) for name, amount in amounts.items()}}
            for token, amounts in money
        ],
        "home_bytes": home,
        "disposable_bytes": disposable,
        "due": [_plain(session, duty) for duty in duties],
    }
    lines = [("account", session.names.of_account(session.address) or session.address)]
    for token, amounts in money:
        lines += [(name, amount_text(amount, token)) for name, amount in amounts.items() if amount or name == "balance"]
    waste = f", {size_text(disposable)} of it copies that nothing needs: assay clean" if disposable else ""
    lines.append(("home", f"{session.settings.home}: {size_text(home)}{waste}"))
    rows = [_row(session, chain, duty) for duty in duties]
    due = table(("due", "until", "amount", "next command"), rows) if rows else "nothing is due"
    emit(result, f"{fields(lines)}\n\n{due}", as_json)


def _money(chain: Chain, account: str, open_orders: list[Order]) -> list[tuple[Token, dict[str, int]]]:
    """Amounts in base units by what they are for, of every token that the account's models and open orders use."""
    models = list(chain.models(account))
    addresses = [NATIVE_TOKEN, *(model.terms.token for model in models), *(order.token for order in open_orders)]
    found = []
    for address in dict.fromkeys(addresses):
        sold = [order for order in open_orders if order.token == address and order.seller == account]
        budgets = [chain.model_state(model.model_id).budget for model in models if model.terms.token == address]
        amounts = {
            "balance": chain.balance(account, address),
            "credit": chain.credit(address, account),
            "bonds": sum(order.seller_bond for order in sold),
            "locked for you": sum(order.price for order in sold),
            "budgets": sum(budgets),
        }
        found.append((chain.token(address), amounts))
    return found


def _row(session: Session, chain: Chain, duty: Duty) -> tuple[str, ...]:
    token = chain.token(registered_terms(chain, duty.model_id).token)
    return (
        duty.what,
        due_text(duty.until, session.now()) if duty.until else "-",
        short_amount(duty.amount, token) if duty.amount else "-",
        command_of(session, duty),
    )


def command_of(session: Session, duty: Duty) -> str:
    """The command that does what is due, to be copied."""
    model = session.names.of_model(duty.model_id) or f"0x{duty.model_id.hex()}"
    file = f" {shlex.quote(str(duty.file or 'FILE'))}" if duty.command == "sell" else ""
    return f"assay {duty.command}{file} --model {model}"


def _plain(session: Session, duty: Duty) -> dict[str, object]:
    return {
        "what": duty.what,
        "until": duty.until,
        "amount": str(duty.amount),
        "model_id": duty.model_id,
        "file": str(duty.file) if duty.file else None,
        "command": command_of(session, duty),
    }


def folder_size(folder: Path) -> int:
    """Bytes of all files under ``folder``. What another command deletes or renames meanwhile is left out."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                state = os.lstat(os.path.join(parent, name))
                total += state.st_size if stat.S_ISREG(state.st_mode) else 0
    return total


@click.command()
@click.option("--dry-run", is_flag=True, help="Say what would be deleted, and delete nothing.")
@click.option("--into", type=click.Path(path_type=Path, file_okay=False), help="Folder that buy used; see there.")
@json_option
@pass_session
def clean(session: Session, dry_run: bool, into: Path | None, as_json: bool) -> None:
    """Delete sealed copies and envelopes of offers and orders that have ended.

    Keys, records, opened purchases and everything of an open offer or order stay. An order has ended when its last
    transaction is so deep in the chain that it is expected to stay.

    \b
    Examples:
      assay clean --dry-run
      assay clean
    """
    files = [(path, path.stat().st_size) for path in session.disposable(session.chain(sending=False), into)]
    if not dry_run:
        for path, _ in files:
            path.unlink()
    freed = sum(size for _, size in files)
    rows = [(size_text(size), path) for path, size in files]
    result = {"deleted": not dry_run, "bytes": freed, "files": [str(path) for path, _ in files]}
    text = f"{table(('size', 'file'), rows)}\n{'would free' if dry_run else 'freed'}\t{size_text(freed)}"
    emit(result, text if rows else "nothing to delete", as_json)
