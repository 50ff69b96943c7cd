"""``assay-oracle ledger``: what lies in the ledger, and its tables brought up to date."""

from pathlib import Path

import click

from assay.cli.group import Group
from assay.cli.terminal import emit, json_option
from assay_oracle.cli.options import config_option
from assay_oracle.settings import Settings, without_password


@click.group(cls=Group)
def ledger() -> None:
    """Show the ledger, and bring its tables up to date.

    \b
    Example:
      assay-oracle ledger show --config oracle.toml
    """


@ledger.command()
@config_option
@json_option
def show(config: Path | None, as_json: bool) -> None:
    """Show where the ledger is, its revision, and how much it holds, with or without a running daemon.

    \b
    Example:
      assay-oracle ledger show --config oracle.toml
    """
    from assay_oracle.ledger.opening import summary

    url = Settings.read(config).ledger_url()
    found = summary(url)
    values = {"ledger": without_password(url), **found}
    emit(values, "\n".join(f"{name:<12} {value}" for name, value in values.items()), as_json)


@ledger.command()
@config_option
@json_option
def migrate(config: Path | None, as_json: bool) -> None:
    """Bring the ledger's tables up to date, or make them. The daemon does the same when it starts.

    No version that is older than the ledger uses it any more: stop all daemons of such versions first.

    \b
    Example:
      assay-oracle ledger migrate --config oracle.toml
    """
    from assay_oracle.ledger.migrations import HEAD
    from assay_oracle.ledger.opening import open_database

    url = Settings.read(config).ledger_url()
    open_database(url).close()
    values = {"ledger": without_password(url), "revision": HEAD}
    emit(values, f"{values['ledger']} is at revision {HEAD}", as_json)
