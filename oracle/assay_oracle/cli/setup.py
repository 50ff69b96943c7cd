"""``assay-oracle init`` and ``settings``: the oracle's keys, and its configuration."""

from pathlib import Path

import click

from assay.cli.terminal import emit, json_option, report
from assay.errors import SettingsError
from assay.keys import read_password, read_private_key
from assay_oracle.cli.config_file import toml_text
from assay_oracle.cli.options import CONFIG, config_option
from assay_oracle.keys import vault
from assay_oracle.ledger.content import SECRET_BYTES
from assay_oracle.settings import Settings

TEMPLATE = """\
# The oracle's settings; `assay-oracle settings` lists all. Paths are relative to this file, also
# paths from the environment.
data_dir = {data_dir}
node = {node}
deployment = {deployment}
{password}
# One block for each model to price for; `assay-oracle models add` writes them:
# [[models]]
# id = "0x..."                    # printed by `assay model register`
# artifact = "artifacts/digits"   # written by `assay-oracle fit`
"""


@click.command()
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    default=CONFIG,
    show_default=True,
    help="Configuration file to write if it does not exist.",
)
@click.option("--data-dir", type=click.Path(path_type=Path, file_okay=False), default=Path("assay-oracle"))
@click.option(
    "--password-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Asked for if not given; written to --config, so that the daemon starts by itself.",
)
@click.option(
    "--private-key-file", type=click.Path(path_type=Path, dir_okay=False), help="Hex; a new key if not given."
)
@click.option(
    "--digest-secret-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="64 hex digits that all members of a committee share; a new secret if not given.",
)
@click.option("--without-key", is_flag=True, help="No signing key: the daemon then runs dry.")
@click.option("--node", default="http://127.0.0.1:8545", show_default=True)
@click.option("--deployment", default="deployments/31337.json", show_default=True)
@json_option
def init(
    config: Path,
    data_dir: Path,
    password_file: Path | None,
    private_key_file: Path | None,
    digest_secret_file: Path | None,
    without_key: bool,
    node: str,
    deployment: str,
    as_json: bool,
) -> None:
    """Make the oracle's keys, encrypted, and the configuration file --config if it does not exist.

    \b
    Example:
      assay-oracle init --data-dir var/oracle --password-file password --config oracle.toml
    """
    kept = Settings.read(config) if config.exists() else None
    if kept is not None and kept.data_dir.resolve() != data_dir.resolve():
        raise SettingsError(
            f"expected --data-dir {kept.data_dir}, which {config} names, got {data_dir}",
            hint="name another file for this oracle's settings: --config",
        )
    password = (
        read_password(password_file)
        if password_file
        else click.prompt("Password", hide_input=True, err=True, confirmation_prompt=True)
    )
    private_key = read_private_key(private_key_file) if private_key_file else None
    secret = _read_secret(digest_secret_file) if digest_secret_file else None
    made = vault.create(data_dir, password, private_key=private_key, with_key=not without_key, secret=secret)
    if kept is None:
        config.parent.mkdir(parents=True, exist_ok=True)
        config.write_text(
            TEMPLATE.format(
                data_dir=toml_text(data_dir.resolve()),
                node=toml_text(node),
                deployment=toml_text(Path(deployment).resolve()),
                password=f"password_file = {toml_text(password_file.resolve())}\n" if password_file else "",
            )
        )
    address = made.account.address if made.account else None
    result = {"oracle": address, "recipient": made.recipient, "data_dir": str(data_dir)}
    emit(result, f"oracle     {address or 'none: the daemon runs dry'}\nrecipient  {made.recipient}", as_json)
    report(f"the settings are in {config}{', as before' if kept else ''}")
    report(f"the keys are in {vault.folder_of(data_dir)}: back them up, and never restore an old journal")


def _read_secret(file: Path) -> bytes:
    """The secret of the digests in a file.

    Raises:
        SettingsError: The file holds something else.
    """
    try:
        secret = bytes.fromhex(file.read_text().strip())
    except (OSError, ValueError):
        secret = b""
    if len(secret) != SECRET_BYTES:
        raise SettingsError(
            f"expected {2 * SECRET_BYTES} hex digits in {file}, got something else",
            hint="one member makes them (openssl rand -hex 32), and the others use the same",
        )
    return secret


@click.command("settings")
@config_option
@json_option
def show_settings(config: Path | None, as_json: bool) -> None:
    """Show every setting with its value and environment variable, except secrets.

    \b
    Example:
      assay-oracle settings --config oracle.toml
    """
    values = Settings.read(config).public()
    lines = [
        f"ASSAY_ORACLE_{name.upper()}={value}  # {Settings.model_fields[name].description}"
        for name, value in values.items()
    ]
    emit(values, "\n".join(lines), as_json)
