"""``assay``: the command of data owners and model owners."""

from typing import Any

import click

from assay.cli.lazy import LazyCommand, LazyGroup
from assay.cli.options import setting_options

COMMANDS = {
    "buy": LazyCommand(
        "assay.cli.commands.purchases:buy",
        "Watch a model's orders: download, check, open, acknowledge; dispute what the key does not open.",
    ),
    "completion": LazyCommand(
        "assay.cli.commands.help:completion", "Print the script that completes commands, options and names in a shell."
    ),
    "credit": LazyCommand("assay.cli.commands.credit:credit", "Deposit bonds, and withdraw what is owed."),
    "help": LazyCommand("assay.cli.commands.help:help_", "Show the help of a command, as --help does."),
    "keys": LazyCommand("assay.cli.commands.keys:keys", "Make and show keys."),
    "model": LazyCommand("assay.cli.commands.model:model", "Register, fund and watch a model that buys data."),
    "open": LazyCommand("assay.cli.commands.sealing:open_", "Open sealed FILE, checking every chunk."),
    "orders": LazyCommand("assay.cli.commands.purchases:orders", "List orders with their state."),
    "seal": LazyCommand("assay.cli.commands.sealing:seal", "Seal FILE under a fresh key."),
    "sell": LazyCommand("assay.cli.commands.sales:sell", "Offer FILE to a model, and sell it at the oracle's price."),
}


@click.group(cls=LazyGroup, lazy=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@setting_options
@click.version_option(package_name="assay")
@click.pass_context
def main(ctx: click.Context, /, **options: Any) -> None:
    """Sell and buy training data at a price set before anything changes hands.

    Every option here can be set in the environment instead: ASSAY_HOME, ASSAY_NODE, ASSAY_CHAIN, ASSAY_ORACLE...

    \b
    Examples:
      assay keys new
      assay sell data.parquet --model 0x12... --yes
      assay buy --model 0x12... --once
    """
    from assay.cli.session import Session

    ctx.obj = ctx.with_resource(Session.of_options(options))
