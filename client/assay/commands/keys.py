"""``assay keys``: the keystore that signs and the identity that deliveries are enveloped to."""

import click

from assay import keys as keystores
from assay.commands.session import Session, pass_session
from assay.errors import SettingsError
from assay.terminal import emit, json_option


@click.group()
def keys() -> None:
    """Make and show keys."""


@keys.command()
@json_option
@pass_session
def new(session: Session, as_json: bool) -> None:
    """Make an Ethereum keystore and a delivery identity, encrypted under one password.

    \b
    Example:
      assay --home ~/.assay keys new
    """
    settings = session.settings
    if not settings.password and not settings.password_file:
        password = click.prompt("New password", hide_input=True, confirmation_prompt=True, err=True)
    else:
        password = session.password
    account = keystores.create_keystore(settings.keystore_path, password)
    recipient = keystores.create_identity(settings.identity_path, password)
    result = {
        "address": account.address,
        "keystore": str(settings.keystore_path),
        "recipient": recipient,
        "identity": str(settings.identity_path),
    }
    emit(result, "\n".join(f"{name}\t{value}" for name, value in result.items()), as_json)


@keys.command()
@json_option
@pass_session
def show(session: Session, as_json: bool) -> None:
    """Show address and delivery recipient; needs no password.

    \b
    Example:
      assay keys show
    """
    settings = session.settings
    if not settings.keystore_path.exists():
        raise SettingsError(f"no keystore at {settings.keystore_path}", hint="make one: assay keys new")
    result = {"address": keystores.address_of(settings.keystore_path)}
    if settings.identity_path.exists():
        result["recipient"] = keystores.recipient_at(settings.identity_path)
    emit(result, "\n".join(f"{name}\t{value}" for name, value in result.items()), as_json)
