"""``assay-oracle rotate``: another signing key in the place of the present one, while both sign."""

from pathlib import Path

import click

from assay.chain.settlement import SettlementClient
from assay.cli.group import Group
from assay.cli.terminal import emit, json_option, report
from assay.errors import SettingsError
from assay.keys import read_private_key
from assay_oracle.cli.options import config_option, open_keys, password_of
from assay_oracle.keys import vault
from assay_oracle.settings import Settings


@click.group(cls=Group)
def rotate() -> None:
    """Replace the signing key without downtime: `begin`, then the models' owners name the new key, then `finish`.

    A model names one oracle on chain. Between `begin` and `finish` the daemon signs for each model with the key that
    the model names, and signs open quotes anew when that changes. A key that was replaced is revoked for ever.

    \b
    Example:
      assay-oracle rotate begin --config oracle.toml
    """


def _named(settings: Settings) -> tuple[SettlementClient, dict[str, str | None]]:
    """The chain, and the oracle of each configured model."""
    from assay_oracle.server.daemon import open_chain

    chain = open_chain(settings)
    return chain, {f"0x{entry.id.hex()}": chain.model_state(entry.id).oracle for entry in settings.models}


@rotate.command()
@config_option
@click.option(
    "--private-key-file", type=click.Path(path_type=Path, dir_okay=False), help="Hex; a new key if not given."
)
@json_option
def begin(config: Path | None, private_key_file: Path | None, as_json: bool) -> None:
    """Make the next signing key, encrypted beside the present one; a running daemon finds it there.

    \b
    Example:
      assay-oracle rotate begin --config oracle.toml
    """
    settings = Settings.read(config)
    if settings.signer:
        raise SettingsError(
            "expected a key in a keystore, this one is in a remote signer",
            hint="load the next key into the signer, and name it: signer_next_address",
        )
    private_key = read_private_key(private_key_file) if private_key_file else None
    address = vault.begin_rotation(settings.data_dir, password_of(settings), private_key)
    emit({"oracle": vault.address_of(settings.data_dir), "next": address}, f"next  {address}", as_json)
    report("once the daemon's log says that it signs with it, have each model name it: assay model set-oracle;")
    report("bonds are needed before")


@rotate.command()
@config_option
@json_option
def show(config: Path | None, as_json: bool) -> None:
    """Show the accounts that sign here, and the oracle that each model names.

    \b
    Example:
      assay-oracle rotate show --config oracle.toml
    """
    settings = Settings.read(config)
    accounts = [str(account.address) for account in open_keys(settings).accounts]
    _, named = _named(settings)
    lines = [f"signs  {address}" for address in accounts]
    lines += [f"model  {model}  {oracle or 'halted'}" for model, oracle in named.items()]
    emit({"oracles": accounts, "models": named}, "\n".join(lines), as_json)


@rotate.command()
@config_option
@json_option
def finish(config: Path | None, as_json: bool) -> None:
    """Put the next key in the place of the present one, which no model may name any more; the old keystore is kept.

    \b
    Example:
      assay-oracle rotate finish --config oracle.toml
    """
    settings = Settings.read(config)
    accounts = open_keys(settings).accounts
    chain, named = _named(settings)
    if len(accounts) > 1:
        old = str(accounts[0].address)
        left = [model for model, oracle in named.items() if oracle == old]
        if left:
            raise SettingsError(
                f"expected no model whose oracle is {old}, found {', '.join(left)}",
                hint="each owner names the next key first: assay model set-oracle",
            )
        if chain.node.unmined(old):
            raise SettingsError(
                f"expected no transaction of {old} under way, found one", hint="run this again once it is mined"
            )
    replaced, address = vault.end_rotation(settings.data_dir)
    emit({"oracle": address, "retired": replaced}, f"oracle   {address}\nretired  {replaced}", as_json)
    report("send it native coin for gas, move the rest from the old account, and restart the daemon")
