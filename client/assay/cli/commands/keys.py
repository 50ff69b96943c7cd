"""``assay keys``: the keystore that signs and the identity that deliveries are enveloped to."""

from pathlib import Path

import click

from assay import envelope
from assay import keys as keystores
from assay.cli.group import Group
from assay.cli.session import Session, ask_password, pass_session
from assay.cli.terminal import emit, json_option
from assay.errors import KeystoreExists


@click.group(cls=Group)
def keys() -> None:
    """Make and show keys."""


@keys.command()
@click.option(
    "--private-key-file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Hex; else a key is made.",
)
@json_option
@pass_session
def new(session: Session, private_key_file: Path | None, as_json: bool) -> None:
    """Make an Ethereum keystore and a delivery identity, encrypted under one password.

    If one of the two exists, opens it with the password and makes the other.

    \b
    Examples:
      assay --home ~/.assay keys new
      assay keys new --private-key-file key.hex
    """
    settings = session.settings
    keystore, identity = settings.keystore_path, settings.identity_path
    if keystore.exists() and identity.exists():
        raise KeystoreExists(f"{keystore} and {identity} exist", hint="name another --home; a key is never overwritten")
    if settings.password or settings.password_file:
        password = session.password
    else:
        password = ask_password("New password", twice=True)
    if keystore.exists():
        account = keystores.load_account(keystore, password)
    else:
        private_key = keystores.read_private_key(private_key_file) if private_key_file else None
        account = keystores.create_keystore(keystore, password, private_key=private_key)
    recipient = envelope.public_of(keystores.load_identity(identity, password)) if identity.exists() else None
    recipient = recipient or keystores.create_identity(identity, password)
    result = {
        "address": account.address,
        "keystore": str(keystore),
        "recipient": recipient,
        "identity": str(identity),
    }
    emit(result, "\n".join(f"{name}\t{value}" for name, value in result.items()), as_json)


@keys.command()
@json_option
@pass_session
def show(session: Session, as_json: bool) -> None:
    """Show address and delivery recipient; needs no password if the keystore names its address.

    \b
    Example:
      assay keys show
    """
    settings = session.settings
    result = {"address": session.address}
    if settings.identity_path.exists():
        result["recipient"] = keystores.recipient_at(settings.identity_path)
    emit(result, "\n".join(f"{name}\t{value}" for name, value in result.items()), as_json)
