"""The command ``assay-oracle``: the operator's side, and the model owner's tools."""

import click

from assay.cli.lazy import LazyCommand, LazyGroup

COMMANDS = {
    "appraise": LazyCommand(
        "assay_oracle.cli.pricing:appraise",
        "Price FILE offline with the price function in FOLDER, and give the reasons.",
    ),
    "backup": LazyCommand(
        "assay_oracle.cli.operations.backup:backup",
        "Write keys and ledger to the new FILE, encrypted, with or without a running daemon.",
    ),
    "bond": LazyCommand("assay_oracle.cli.bond:bond", "Show the oracle's bond for a model, and withdraw it."),
    "check": LazyCommand(
        "assay_oracle.cli.serve:check",
        "Verify everything that the daemon depends on: keys, node, contract, models, artifacts, disk, clock.",
    ),
    "drop": LazyCommand(
        "assay_oracle.cli.ledger.offers:drop",
        "End OFFER, named by its id or the first digits of it; never one whose quote was accepted or posted.",
    ),
    "export": LazyCommand(
        "assay_oracle.cli.pricing:export_",
        "Write the price of sets in FOLDER as integers (docs/price-format.md); of the method ridge alone.",
    ),
    "fit": LazyCommand("assay_oracle.cli.pricing:fit", "Fit the price function of a model and write it to a folder."),
    "init": LazyCommand(
        "assay_oracle.cli.setup:init",
        "Make the oracle's keys, encrypted, and the configuration file --config if it does not exist.",
    ),
    "inspect": LazyCommand(
        "assay_oracle.cli.pricing:inspect_",
        "Show a price function, and what it discloses of the owner's model and data.",
    ),
    "ledger": LazyCommand("assay_oracle.cli.ledger.tables:ledger", "Show the ledger, and bring its tables up to date."),
    "models": LazyCommand(
        "assay_oracle.cli.models:models",
        "List, add and remove the models that the oracle prices for; a running daemon follows within seconds.",
    ),
    "offers": LazyCommand(
        "assay_oracle.cli.ledger.offers:offers",
        "List offers with model, seller, status, size, age, price and reason; by default those that are under way.",
    ),
    "proof": LazyCommand(
        "assay_oracle.cli.proofs.commands:proof",
        "Make keys for proofs of prices, prove prices, and make the contract that asks for proofs (docs/proofs.md).",
    ),
    "restore": LazyCommand(
        "assay_oracle.cli.operations.backup:restore",
        "Write keys and ledger of the backup FILE into an empty place; nothing is written over.",
    ),
    "rotate": LazyCommand(
        "assay_oracle.cli.rotate:rotate",
        "Replace the signing key without downtime: `begin`, then the models' owners name the new key, then `finish`.",
    ),
    "serve": LazyCommand("assay_oracle.cli.serve:serve", "Serve offers over HTTP, price them, post orders."),
    "settings": LazyCommand(
        "assay_oracle.cli.setup:show_settings",
        "Show every setting with its value and environment variable, except secrets.",
    ),
}


@click.group(
    cls=LazyGroup,
    lazy=COMMANDS,
    entry_points="assay_oracle.commands",
    optional={
        "bench": "`make bench-pricing` installs and runs it.",
        "compare": "`make compare` installs and runs it.",
    },
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="assay")
def main() -> None:
    """Price training data with a surrogate of a model, sign the price, post the sale.

    \b
    Examples:
      assay-oracle init --password-file password
      assay-oracle check --config oracle.toml
      assay-oracle serve --config oracle.toml
    """
