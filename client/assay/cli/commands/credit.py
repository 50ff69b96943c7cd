"""``assay credit``: an account's money in the contract, from which seller bonds are taken."""

import click

from assay.amounts import Token, WrittenAmount, amount_text
from assay.cli.group import Group
from assay.cli.params import ADDRESS, WRITTEN
from assay.cli.session import Session, pass_session
from assay.cli.tables import fields
from assay.cli.terminal import emit, json_option
from assay.protocol.types import NATIVE_TOKEN

token_option = click.option("--token", type=ADDRESS, default=NATIVE_TOKEN, help="ERC-20; by default the native coin.")


@click.group(cls=Group)
def credit() -> None:
    """Deposit bonds, and withdraw what is owed."""


@credit.command()
@click.option("--amount", type=WRITTEN, required=True, help="Base units, or with a unit: 1ether.")
@token_option
@json_option
@pass_session
def deposit(session: Session, amount: WrittenAmount, token: str, as_json: bool) -> None:
    """Add to the account's credit.

    \b
    Example:
      assay credit deposit --amount 0.1ether
    """
    chain = session.chain(sending=True)
    receipt = chain.deposit(token, amount.base_units(chain.token(token)))
    held = chain.credit(token, session.account.address)
    emit(
        {"credit": str(held), "gas": receipt.gas}, fields([("credit", amount_text(held, chain.token(token)))]), as_json
    )


@credit.command()
@click.option("--amount", type=WRITTEN, required=True, help="Base units, or with a unit: 1ether.")
@click.option("--to", type=ADDRESS, help="Account to pay; by default the keystore's own.")
@token_option
@json_option
@pass_session
def withdraw(session: Session, amount: WrittenAmount, to: str | None, token: str, as_json: bool) -> None:
    """Pay credit out.

    \b
    Example:
      assay credit withdraw --amount 0.1ether
    """
    chain = session.chain(sending=True)
    receipt = chain.withdraw_credit(token, amount.base_units(chain.token(token)), to or session.account.address)
    held = chain.credit(token, session.account.address)
    emit(
        {"credit": str(held), "gas": receipt.gas}, fields([("credit", amount_text(held, chain.token(token)))]), as_json
    )


@credit.command()
@token_option
@json_option
@pass_session
def show(session: Session, token: str, as_json: bool) -> None:
    """Show the account's credit; needs no password.

    \b
    Example:
      assay credit show
    """
    chain = session.chain(sending=False)
    held = chain.credit(token, session.address)
    _show(held, chain.token(token), as_json)


def _show(held: int, token: Token, as_json: bool, **more: int) -> None:
    emit({"credit": str(held), **more}, fields([("credit", amount_text(held, token))]), as_json)
