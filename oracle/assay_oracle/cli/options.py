"""Options and steps that several commands of the operator share."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:  # commands that price need neither, and start without them in a fifth less time
    from assay_oracle.keys import vault
    from assay_oracle.settings import Settings

CONFIG = Path("oracle.toml")


def config_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--config``, a TOML file with settings; ``oracle.toml`` of the current folder if it exists."""
    return click.option(
        "--config",
        type=click.Path(path_type=Path, dir_okay=False),
        envvar="ASSAY_ORACLE_CONFIG",
        default=lambda: CONFIG if CONFIG.is_file() else None,
        help="TOML file with settings, by default oracle.toml if it is there; variables ASSAY_ORACLE_... override it.",
    )(command)


def password_of(settings: "Settings") -> str:
    """The password of the settings; asks for it if there is no such setting."""
    password = settings.secret_password()
    return click.prompt("Password", hide_input=True, err=True) if password is None else password


def open_keys(settings: "Settings", password: str | None = None) -> "vault.Vault":
    """Decrypts the oracle's keys, by default with ``password_of(settings)``.

    Raises:
        KeysError: The keys are missing or damaged, or the password is wrong.
    """
    from assay_oracle.keys import vault

    addresses = (settings.signer_address, settings.signer_next_address)
    password = password_of(settings) if password is None else password
    return vault.open_with_signer(settings.data_dir, password, settings.signer, *addresses)


class Setting(click.ParamType):
    """A setting of a pricing method, ``NAME=VALUE``: the value is an integer, a number, or else text."""

    name = "setting"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Parses."""
        if isinstance(value, tuple):
            return value
        name, equals, text = value.partition("=")
        if not name or not equals:
            self.fail(f"expected NAME=VALUE, got {value!r}", param, ctx)
        for kind in (int, float):
            try:
                return name, kind(text)
            except ValueError:
                continue
        return name, text
