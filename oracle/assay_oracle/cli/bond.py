"""``assay-oracle bond``: the oracle's bond for a model, and its withdrawal."""

from datetime import UTC, datetime
from pathlib import Path

import click

from assay.chain.queries import registered_terms
from assay.chain.settlement import SettlementClient
from assay.cli.group import Group
from assay.cli.options import model_id_option
from assay.cli.params import ADDRESS
from assay.cli.terminal import emit, json_option
from assay.errors import SettingsError
from assay.protocol.structs import ModelTerms
from assay.protocol.types import ModelId
from assay_oracle.cli.options import config_option, open_keys
from assay_oracle.keys import vault
from assay_oracle.settings import Settings


@click.group(cls=Group)
def bond() -> None:
    """Show the oracle's bond for a model, and withdraw it.

    A bond secures one model: if the oracle signs two prices for one data set, the bond goes to the model's budget.
    `assay model bond` adds to it. A withdrawal takes a request and seven days, in which the bond does not count.

    \b
    Example:
      assay-oracle bond exit --config oracle.toml --model 0x12...
    """


def _open(config: Path | None, model_id: ModelId) -> tuple[SettlementClient, str, ModelTerms]:
    """The chain with the oracle's account, its address, and the model's terms."""
    from assay_oracle.server.daemon import open_chain

    settings = Settings.read(config)
    keys = open_keys(settings)
    if keys.account is None:
        raise SettingsError(
            "expected an oracle with a keystore, this oracle runs dry", hint="make one: assay-oracle init"
        )
    chain = open_chain(settings, keys)
    return chain, keys.account.address, registered_terms(chain, model_id)


def _show(chain: SettlementClient, model_id: ModelId, oracle: str, as_json: bool) -> None:
    amount, unlocks_at = chain.oracle_bond(model_id, oracle)
    when = f"{datetime.fromtimestamp(unlocks_at, UTC):%Y-%m-%d %H:%M:%S} UTC" if unlocks_at else "no exit requested"
    emit({"bond": str(amount), "unlocks_at": unlocks_at}, f"bond     {amount}\nunlocks  {when}", as_json)


@bond.command()
@config_option
@model_id_option
@json_option
def show(config: Path | None, model_id: ModelId, as_json: bool) -> None:
    """Show the bond in base units, and when it unlocks; needs no password.

    \b
    Example:
      assay-oracle bond show --config oracle.toml --model 0x12...
    """
    from assay_oracle.server.daemon import open_chain

    settings = Settings.read(config)
    chain = open_chain(settings)
    registered_terms(chain, model_id)
    _show(chain, model_id, vault.address_of(settings.data_dir), as_json)


@bond.command("exit")
@config_option
@model_id_option
@json_option
def request_exit(config: Path | None, model_id: ModelId, as_json: bool) -> None:
    """Request the bond back: from now on it does not count, and a model that requires it gets no quotes.

    \b
    Example:
      assay-oracle bond exit --config oracle.toml --model 0x12...
    """
    chain, oracle, _ = _open(config, model_id)
    chain.request_oracle_bond_exit(model_id)
    _show(chain, model_id, oracle, as_json)


@bond.command()
@config_option
@model_id_option
@click.option("--to", type=ADDRESS, help="Account to pay; the oracle's own if not given.")
@json_option
def withdraw(config: Path | None, model_id: ModelId, to: str | None, as_json: bool) -> None:
    """Withdraw an unlocked bond, and all other credit of the oracle in the model's currency.

    Two transactions; if the second one failed, the same command pays what the first one credited.

    \b
    Example:
      assay-oracle bond withdraw --config oracle.toml --model 0x12... --to 0xA1...
    """
    chain, oracle, terms = _open(config, model_id)
    if chain.oracle_bond(model_id, oracle)[0] or not chain.credit(terms.token, oracle):
        chain.withdraw_oracle_bond(terms)
    amount, receiver = chain.credit(terms.token, oracle), to or oracle
    chain.withdraw_credit(terms.token, amount, receiver)
    emit({"paid": str(amount), "to": receiver}, f"paid  {amount}\nto    {receiver}", as_json)
