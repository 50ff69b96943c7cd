"""``assay``: the command of data owners and model owners."""

from typing import Any

import click

from assay.cli.lazy import LazyCommand, LazyGroup
from assay.cli.options import setting_options

COMMANDS = {
    "bought": LazyCommand(
        "assay.cli.commands.bought:bought", "List, export and check again the files that your models bought."
    ),
    "buy": LazyCommand(
        "assay.cli.commands.purchases:buy",
        "Watch a model's orders: download, check, open, acknowledge; dispute what the key does not open.",
    ),
    "check": LazyCommand(
        "assay.cli.commands.models:check",
        "Look at FILE before it is sealed or sent: columns, values, size, repeated records.",
    ),
    "clean": LazyCommand(
        "assay.cli.commands.status:clean", "Delete sealed copies and envelopes of offers and orders that have ended."
    ),
    "completion": LazyCommand(
        "assay.cli.commands.help:completion", "Print the script that completes commands, options and names in a shell."
    ),
    "credit": LazyCommand("assay.cli.commands.credit:credit", "Deposit bonds, and withdraw what is owed."),
    "help": LazyCommand("assay.cli.commands.help:help_", "Show the help of a command, as --help does."),
    "history": LazyCommand(
        "assay.cli.commands.orders:history", "List your sales and purchases with date, price, gas and transaction."
    ),
    "init": LazyCommand(
        "assay.cli.commands.setup:init", "Ask for node, contract, oracle and keys, and write the configuration file."
    ),
    "keys": LazyCommand("assay.cli.commands.keys:keys", "Make and show keys."),
    "model": LazyCommand("assay.cli.commands.model:model", "Register, fund and watch a model that buys data."),
    "models": LazyCommand(
        "assay.cli.commands.models:models",
        "List the models that buy data on this chain, newest first: goal, columns, price cap, budget, oracle.",
    ),
    "names": LazyCommand("assay.cli.commands.names:names", "Name models and accounts."),
    "open": LazyCommand(
        "assay.cli.commands.sealing:open_",
        "Open sealed FILE, checking every chunk.",
    ),
    "orders": LazyCommand(
        "assay.cli.commands.orders:orders",
        "List orders with their state: by default those that you sell, and those of your models.",
    ),
    "pack": LazyCommand("assay.cli.commands.sealing:pack", "Write FOLDER into one FILE, which can be sold."),
    "proof": LazyCommand(
        "assay.cli.commands.proofs.check:proof", "Check proofs of prices without trust in the oracle."
    ),
    "quote": LazyCommand("assay.cli.commands.sales:quote", "Ask for the price of FILE without sending it."),
    "seal": LazyCommand("assay.cli.commands.sealing:seal", "Seal FILE under a fresh key."),
    "sell": LazyCommand("assay.cli.commands.sales:sell", "Offer FILE to a model, and sell it at the oracle's price."),
    "settings": LazyCommand(
        "assay.cli.commands.setup:show_settings",
        "Show every setting with its value and its source, except the password.",
    ),
    "status": LazyCommand(
        "assay.cli.commands.status:status",
        "Show your money, your open offers and orders, what is due until when, and the command that does it.",
    ),
    "verify": LazyCommand(
        "assay.cli.commands.sealing:verify",
        "Check sealed FILE without its key: the index, and every chunk or a range of them.",
    ),
}


@click.group(cls=LazyGroup, lazy=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@setting_options
@click.version_option(package_name="assay")
@click.pass_context
def main(ctx: click.Context, /, **options: Any) -> None:
    """Sell and buy training data at a price set before anything changes hands.

    `assay init` writes these options to a configuration file. Each can be set in the environment, too: ASSAY_HOME,
    ASSAY_NODE, ASSAY_ORACLE... An option takes precedence over a variable, a variable over the file.

    \b
    Examples:
      assay init
      assay keys new
      assay sell data.parquet --model 0x12...
      assay help sell
    """
    from assay.cli.session import Session

    ctx.obj = ctx.with_resource(Session(options))
