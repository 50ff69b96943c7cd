"""``assay-oracle models``: what the oracle prices for. A running daemon reads the configuration again by itself."""

from pathlib import Path

import click

from assay.amounts import amount_text
from assay.chain.proven import ProofsNotTaken, check_code
from assay.chain.settlement import SettlementClient
from assay.chain.values import RegisteredModel
from assay.cli.group import Group
from assay.cli.options import model_id_option
from assay.cli.params import HEX32
from assay.cli.terminal import emit, json_option, report
from assay.errors import AssayError, SettingsError
from assay.protocol.messages import ModelInfo
from assay.protocol.types import ModelId
from assay_oracle.cli.config_file import add_model, remove_model
from assay_oracle.cli.options import config_option
from assay_oracle.cli.serve import check_proving, load_appraisers, mark_used
from assay_oracle.errors import ModelNotReady, ModelUnknown
from assay_oracle.keys import vault
from assay_oracle.server.proven import operator_for
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
@click.option(
    "--proofs",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder that `assay-oracle proof setup` made, for a model whose oracle is a contract that asks for proofs.",
)
@config_option
@json_option
def add(folder: Path, model_id: ModelId | None, proofs: Path | None, config: Path | None, as_json: bool) -> None:
    """Price for a model from now on with the price function in FOLDER.

    Checks that the model is registered with this price function and this oracle, then adds it to the configuration.

    With --proofs, the model's oracle is the contract that it names on chain. Checks that this contract was made of
    these keys for this oracle's key, and makes a proof. If the model names a new contract, a running daemon follows.

    \b
    Examples:
      assay-oracle models add price
      assay-oracle models add price --model 0x12... --config oracle.toml
      assay-oracle models add price --model 0x12... --proofs proofs --config oracle.toml
    """
    from assay_oracle.server.daemon import open_chain

    file = _required(config)
    settings = Settings.read(file)
    chain, own = open_chain(settings), settings.committee or vault.address_of(settings.data_dir)
    appraiser = load_appraisers(settings)(ModelEntry(id=model_id or bytes(32), artifact=folder))
    model_id = model_id or _registered_with(appraiser.info.hash, chain, own, proofs)
    model = PricedModel.registered(model_id, appraiser, chain)
    entry = ModelEntry(id=model_id, artifact=folder, proofs=proofs)
    oracle = chain.model_state(model_id).oracle
    if oracle is None or (proofs is None and oracle != own):
        raise ModelNotReady(
            "oracle_replaced",
            f"expected a model whose oracle is {own}, the oracle of 0x{model_id.hex()} is {oracle or 'none: halted'}",
            hint="its owner can name this oracle: assay model set-oracle; if that is a contract which asks for proofs, "
            "name their folder: --proofs",
        )
    if proofs is not None:
        operator = operator_for(chain, entry, model.terms, oracle, [own])
        check_code(chain.node, oracle, operator, chain.domain, model_id)
        report("making a proof")
        check_proving(settings, entry, chain.domain)
    known = next((other for other in settings.models if other.id == model_id), None)
    if known is None:
        add_model(file, entry)
    elif _resolved(known.proofs) != _resolved(proofs):
        raise SettingsError(
            f"expected a model that is not configured, or with the same proofs, 0x{model_id.hex()} has "
            f"{known.proofs or 'none'}",
            hint="remove it first: assay-oracle models remove",
        )
    else:
        report("configured before")
    mark_used(entry)
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


def _registered_with(function_hash: bytes, chain: SettlementClient, oracle: str, proofs: Path | None) -> ModelId:
    """The one model that is registered with a price function and has this oracle, or the contract of these proofs.

    Raises:
        ModelUnknown: There is none, or more than one.
    """

    def is_ours(model: RegisteredModel) -> bool:
        named = chain.model_state(model.model_id).oracle
        if proofs is None or named is None:
            return named == oracle
        entry = ModelEntry(id=model.model_id, artifact=proofs, proofs=proofs)
        try:
            return operator_for(chain, entry, model.terms, named, [oracle]) == oracle
        except ProofsNotTaken:
            return False

    fitting = (model for model in chain.models() if model.terms.function_hash == function_hash)
    found = [model.model_id for model in fitting if is_ours(model)]
    if len(found) != 1:
        ids = ", ".join(f"0x{model_id.hex()}" for model_id in found) or "none"
        raise ModelUnknown(
            f"expected one model registered with price function 0x{function_hash.hex()} and oracle {oracle}, "
            f"found {ids}",
            hint="register it (assay model register)" if not found else "name one: --model",
        )
    return found[0]


def _resolved(folder: Path | None) -> Path | None:
    return None if folder is None else folder.resolve()


def _required(config: Path | None) -> Path:
    if config is None:
        raise SettingsError("expected a configuration file to change, got none", hint="name it: --config oracle.toml")
    return config
