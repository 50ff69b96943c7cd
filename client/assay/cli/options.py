"""Options that several commands take."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from assay.cli.params import AMOUNT, HEX32, MODEL

if TYPE_CHECKING:
    from assay.protocol.types import ModelId

_LISTED_MODELS = 3


def model_or_default(ctx: click.Context, param: click.Parameter, value: "ModelId | None") -> "ModelId":
    """The model that is named, or the default model of the settings: a callback for a parameter."""
    if value is None and ctx.obj is not None:
        from assay.cli.session import Session

        session = ctx.find_object(Session)
        if session and session.settings.model:
            value = cast("ModelId", MODEL.convert(session.settings.model, param, ctx))
    if value is None:
        raise click.MissingParameter("assay models lists models; `model` in config.toml is the default", ctx, param)
    return value


model_option = click.option(
    "--model",
    "model_id",
    type=MODEL,
    callback=model_or_default,
    help="The model: its name, its id, or the first digits of its id; by default the one in the settings.",
)
"""``model_id``: the model that is named, or the default model of the settings."""


def _model_or_only(ctx: click.Context, param: click.Parameter, value: "ModelId | None") -> "ModelId":
    try:
        return model_or_default(ctx, param, value)
    except click.MissingParameter as missing:
        from assay.cli.session import Session
        from assay.cli.terminal import report

        session = ctx.find_object(Session)
        models = session.priced_models() if session else ()
        if session is None or len(models) != 1:
            listed = ", ".join(f"0x{model_id.hex()}" for model_id in models[:_LISTED_MODELS])
            several = f"The oracle prices for {len(models)} models, such as {listed}; " if models else ""
            missing.message = f"{several}assay models lists models"
            raise
        report(f"model 0x{models[0].hex()}, the only one of the oracle at {session.settings.oracle}")
        return models[0]


offer_model_option = click.option(
    "--model",
    "model_id",
    type=MODEL,
    callback=_model_or_only,
    help="The model: its name, its id, or the first digits of its id; by default the one in the settings, or the only "
    "one that the oracle prices for.",
)
"""``model_id``: as ``model_option``, or the only model of the configured oracle."""


def proofs_option(purpose: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """``proofs``: what proofs of a model's prices are checked with, and what for."""
    return click.option(
        "--proofs",
        type=click.Path(path_type=Path, exists=True, file_okay=False),
        help=f"Folder of the model's key, terms and opening, from its owner: {purpose} (docs/proofs.md).",
    )


model_id_option = click.option("--model", "model_id", type=HEX32, required=True, help="Id of the model.")
"""``model_id``, for programs without names of models."""


def setting_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds an option for every setting."""
    for option in (
        click.option(
            "--confirmations",
            type=click.IntRange(0),
            help="Blocks to wait for before a key is revealed, and before a sale has ended.",
        ),
        click.option(
            "--max-fee",
            type=AMOUNT,
            help="The most that one transaction may cost for its gas, in the native coin; by default 0.2eth.",
        ),
        click.option(
            "--password-file",
            type=click.Path(path_type=Path, exists=True, dir_okay=False),
            help="Holds the password.",
        ),
        click.option("--keystore", type=click.Path(path_type=Path), help="Ethereum keystore (JSON)."),
        click.option("--oracle", help="URL of the oracle; of a committee's members, with commas."),
        click.option("--deployments", type=click.Path(path_type=Path), help="Folder of deployment records."),
        click.option("--chain", type=int, help="Chain id."),
        click.option(
            "--quorum",
            type=click.IntRange(0),
            help="Nodes that must agree on what money follows from: 1 by default; 0 for more than half.",
        ),
        click.option("--node", help="JSON-RPC URL of a node, or several with commas between them."),
        click.option("--home", type=click.Path(path_type=Path), help="Keys, offers, purchases, config.toml."),
    ):
        command = option(command)
    return command
