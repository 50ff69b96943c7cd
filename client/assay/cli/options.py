"""Options that several commands take."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from assay.cli.params import HEX32

model_option = click.option("--model", "model_id", type=HEX32, required=True, help="Id of the model.")


def setting_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds an option for every setting."""
    for option in (
        click.option(
            "--confirmations",
            type=click.IntRange(0),
            help="Blocks to wait for before a key is revealed.",
        ),
        click.option("--password-file", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Password."),
        click.option("--keystore", type=click.Path(path_type=Path), help="Ethereum keystore (JSON)."),
        click.option("--oracle", help="URL of the oracle."),
        click.option("--deployments", type=click.Path(path_type=Path), help="Folder of deployment records."),
        click.option("--chain", type=int, help="Chain id."),
        click.option("--node", help="JSON-RPC URL of a node."),
        click.option("--home", type=click.Path(path_type=Path), help="Keys, offers and purchases."),
    ):
        command = option(command)
    return command
