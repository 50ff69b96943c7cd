"""``assay-oracle models``: what the oracle prices for. A running daemon reads the configuration again by itself."""

from pathlib import Path

import click

from assay.amounts import amount_text
from assay.chain.port import Chain
from assay.chain.settlement import SettlementClient
from assay.cli.group import Group
from assay.cli.options import model_id_option
from assay.cli.params import HEX32
from assay.cli.terminal import emit, json_option, report
from assay.errors import AssayError, SettingsError
from assay.protocol.messages import ModelInfo
from assay.protocol.types import ModelId
from assay_oracle.cli.config_file import add_model, remove_model
from assay_oracle.cli.options import config_option
from assay_oracle.cli.serve import load_appraisers, mark_used
from assay_oracle.errors import ModelNotReady, ModelUnknown
from assay_oracle.keys import vault
from assay_oracle.services.catalogue import PricedModel
from assay_oracle.settings import ModelEntry, Settings


@click.group(cls=Group)
def models() -> None:
    """List, add and remove the models that the oracle prices for; a running daemon follows within seconds.

    \b
    Example:
      assay-oracle models add price --model 0x12... --config oracle.toml
    """


@models.command("list")
@config_option
@json_option
def list_models(config: Path | None, as_json: bool) -> None:
    """List the configured models with fidelity, highest price and budget, or the reason why one is unavailable.

    \b
    Example:
      assay-oracle models list --config oracle.toml
    """
    from assay_oracle.server.daemon import open_chain

    settings = Settings.read(config)
    chain, load = open_chain(settings), load_appraisers(settings)
    results: list[object] = []
    lines: list[str] = []
    for entry in settings.models:
        name = f"{entry.artifact.name}  0x{entry.id.hex()}"
        try:
            info = PricedModel.registered(entry.id, load(entry), chain).info()
        except AssayError as error:
            results.append({"model_id": entry.id, "artifact": str(entry.artifact), "unavailable": error.code})
            lines.append(f"{name}\n  UNAVAILABLE  {error.message}")
            continue
        results.append({**info.model_dump(mode="json", by_alias=True), "artifact": str(entry.artifact)})
        lines.append(f"{name}\n{_described(info, chain)}")
    if not lines:
        report("no models; add one: assay-oracle models add")
    emit(results, "\n".join(lines), as_json)


def _described(info: ModelInfo, chain: SettlementClient) -> str:
    token, state = chain.token(info.terms.token), chain.model_state(info.model_id)
    rows = {
        "price": f"at most {amount_text(info.terms.max_price, token)} an offer",
        "budget": amount_text(state.budget, token),
        "oracle": state.oracle or "none: halted",
        "method": f"{info.method}, {info.metric}, fidelity {info.fidelity:.1%}",
    }
    return "\n".join(f"  {name:<7}{text}" for name, text in rows.items())


@models.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option(
    "--model", "model_id", type=HEX32, help="Id of the model; by default the one registered with this function."
)
@config_option
@json_option
def add(folder: Path, model_id: ModelId | None, config: Path | None, as_json: bool) -> None:
    """Price for a model from now on with the price function in FOLDER.

    Checks that the model is registered with this price function and this oracle, then adds it to the configuration.

    \b
    Examples:
      assay-oracle models add price
      assay-oracle models add price --model 0x12... --config oracle.toml
    """
    from assay_oracle.server.daemon import open_chain

    file = _required(config)
    settings = Settings.read(file)
    chain, own = open_chain(settings), settings.committee or vault.address_of(settings.data_dir)
    appraiser = load_appraisers(settings)(ModelEntry(id=model_id or bytes(32), artifact=folder))
    model_id = model_id or _registered_with(appraiser.info.hash, chain, own)
    model = PricedModel.registered(model_id, appraiser, chain)
    oracle = chain.model_state(model_id).oracle
    if oracle != own:
        raise ModelNotReady(
            "oracle_replaced",
            f"expected a model whose oracle is {own}, the oracle of 0x{model_id.hex()} is {oracle or 'none: halted'}",
            hint="its owner can name this oracle: assay model set-oracle",
        )
    if any(known.id == model_id for known in settings.models):
        report("configured before")
    else:
        add_model(file, model_id, folder)
    mark_used(ModelEntry(id=model_id, artifact=folder))
    emit({"model_id": model_id, "artifact": str(folder)}, f"added  0x{model_id.hex()}", as_json)
    report(f"at most {amount_text(model.terms.max_price, chain.token(model.terms.token))} for an offer")


@models.command()
@model_id_option
@config_option
@json_option
def remove(model_id: ModelId, config: Path | None, as_json: bool) -> None:
    """Price no longer for a model: quoted offers stay valid, accepted ones are posted and delivered.

    \b
    Example:
      assay-oracle models remove --model 0x12... --config oracle.toml
    """
    remove_model(_required(config), model_id)
    emit({"model_id": model_id}, f"removed  0x{model_id.hex()}", as_json)


def _registered_with(function_hash: bytes, chain: Chain, oracle: str) -> ModelId:
    """The one model that is registered with a price function and has this oracle.

    Raises:
        ModelUnknown: There is none, or more than one.
    """
    fitting = (model.model_id for model in chain.models() if model.terms.function_hash == function_hash)
    found = [model_id for model_id in fitting if chain.model_state(model_id).oracle == oracle]
    if len(found) != 1:
        ids = ", ".join(f"0x{model_id.hex()}" for model_id in found) or "none"
        raise ModelUnknown(
            f"expected one model registered with price function 0x{function_hash.hex()} and oracle {oracle}, "
            f"found {ids}",
            hint="register it (assay model register)" if not found else "name one: --model",
        )
    return found[0]


def _required(config: Path | None) -> Path:
    if config is None:
        raise SettingsError("expected a configuration file to change, got none", hint="name it: --config oracle.toml")
    return config
