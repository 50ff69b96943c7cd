"""``assay names``: names for models and accounts, usable wherever an id or an address is."""

import click

from assay.cli.group import Group
from assay.cli.params import MODEL, AccountAddress
from assay.cli.session import Session, pass_session
from assay.cli.tables import fields, table
from assay.cli.terminal import emit, json_option
from assay.protocol.types import ModelId

KINDS = ("model", "account")


@click.group(cls=Group)
def names() -> None:
    """Name models and accounts."""


@names.command()
@click.argument("kind", type=click.Choice(KINDS))
@click.argument("name")
@click.argument("value", metavar="ID")
@json_option
@click.pass_context
def add(ctx: click.Context, kind: str, name: str, value: str, as_json: bool) -> None:
    """Name a model or an account: NAME then stands for ID in every command.

    \b
    Examples:
      assay names add model dress-model 0x12...
      assay names add account alice 0xA1...
    """
    session = ctx.find_object(Session)
    assert session is not None
    if kind == "model":
        model_id = ModelId(MODEL.convert(value, None, ctx))
        session.names.add_model(name, model_id)
        value = f"0x{model_id.hex()}"
    else:
        value = AccountAddress().convert(value, None, ctx)
        session.names.add_account(name, value)
    emit({"kind": kind, "name": name, "id": value}, fields([(name, value)]), as_json)


@names.command()
@click.argument("name")
@json_option
@pass_session
def remove(session: Session, name: str, as_json: bool) -> None:
    """Forget a name.

    \b
    Example:
      assay names remove dress-model
    """
    session.names.remove(name)
    emit({"removed": name}, fields([("removed", name)]), as_json)


@names.command("list")
@json_option
@pass_session
def list_(session: Session, as_json: bool) -> None:
    """List the names.

    \b
    Example:
      assay names list
    """
    models = [(name, "model", f"0x{model_id.hex()}") for name, model_id in sorted(session.names.models.items())]
    accounts = [(name, "account", address) for name, address in sorted(session.names.accounts.items())]
    rows = [*models, *accounts]
    result = [{"name": name, "kind": kind, "id": value} for name, kind, value in rows]
    emit(result, table(("name", "kind", "id"), rows) if rows else "no names", as_json)
