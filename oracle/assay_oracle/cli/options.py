"""What commands of the operator share: the configuration file, the keys."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from assay_oracle.keys import vault
from assay_oracle.settings import Settings


def config_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--config``, a TOML file with settings."""
    return click.option(
        "--config",
        type=click.Path(path_type=Path, dir_okay=False),
        help="TOML file with settings; environment variables ASSAY_ORACLE_... win over it.",
    )(command)


def open_keys(settings: Settings) -> vault.Vault:
    """The oracle's keys, with the password of the settings or else one that is asked for.

    Raises:
        KeysError: they are not there, or not opened by it.
    """
    password = settings.secret_password()
    if password is None:
        password = click.prompt("Password", hide_input=True, err=True)
    return vault.open_vault(settings.data_dir, password)
