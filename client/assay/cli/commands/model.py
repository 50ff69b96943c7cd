"""``assay model``: the on-chain actions of a model owner."""

import json
from pathlib import Path

import click

from assay import keys
from assay.amounts import WrittenAmount, amount_text
from assay.chain.port import Chain
from assay.chain.queries import registered_terms, state_of
from assay.cli.commands.models import show
from assay.cli.commands.terms import terms as terms_page
from assay.cli.group import Group
from assay.cli.options import model_option
from assay.cli.params import ADDRESS, HEX32, SALT, WRITTEN
from assay.cli.session import Session, pass_session
from assay.cli.tables import fields
from assay.cli.terminal import emit, json_option, report
from assay.envelope import delivery_key_of
from assay.errors import ModelExists, SettingsError, UsageError
from assay.protocol.function.published import REFUSAL
from assay.protocol.structs import ModelTerms
from assay.protocol.types import NATIVE_TOKEN, ZERO_ADDRESS, ModelId

SECONDS = click.IntRange(0, 2**32 - 1)


@click.group(cls=Group)
def model() -> None:
    """Register, fund and watch a model that buys data."""


@model.command()
@click.option(
    "--function",
    "folder",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder of the price function: assay-oracle fit.",
)
@click.option("--function-hash", type=HEX32, help="Its hash, in place of --function: assay-oracle inspect.")
@click.option(
    "--oracle-address", type=ADDRESS, help="Signer of the quotes for this model; by default the oracle at --oracle."
)
@click.option("--max-price", type=WRITTEN, required=True, help="Highest price of one quote, e.g. 1ether.")
@click.option("--token", type=ADDRESS, default=NATIVE_TOKEN, help="ERC-20 to pay in; by default the native coin.")
@click.option("--seller-bond", type=WRITTEN, default="0", help="Bond a seller locks with each order.")
@click.option("--oracle-bond", type=WRITTEN, default="0", help="Bond the oracle must hold.")
@click.option("--reveal-window", type=SECONDS, default=86_400, show_default=True, help="Seconds to reveal the key.")
@click.option("--dispute-window", type=SECONDS, default=86_400, show_default=True, help="Seconds to dispute.")
@click.option("--require-receipt", is_flag=True, help="Keys may be revealed only after the buyer's receipt.")
@click.option(
    "--salt",
    type=SALT,
    default=bytes(32),
    help="Registers the same terms again as a model of its own; a number in hex, e.g. 0x01.",
)
@click.option("--budget", type=WRITTEN, help="Fund the model up to this amount, e.g. 5ether.")
@click.option("--name", help="Name for the model, to be used in place of its id.")
@json_option
@pass_session
def register(
    session: Session,
    folder: Path | None,
    function_hash: bytes | None,
    oracle_address: str | None,
    max_price: WrittenAmount,
    token: str,
    seller_bond: WrittenAmount,
    oracle_bond: WrittenAmount,
    reveal_window: int,
    dispute_window: int,
    require_receipt: bool,
    salt: bytes,
    budget: WrittenAmount | None,
    name: str | None,
    as_json: bool,
) -> None:
    """Register a model, once; its owner is the keystore's account.

    Terms that are registered already with the same oracle give the same id again. With another oracle the command
    fails: use `assay model set-oracle` for the registered model, or --salt for a model of its own.

    \b
    Examples:
      assay model register --function price --max-price 0.5ether --budget 5ether --name digits
      assay model register --function-hash 0x3f... --oracle-address 0xA1... --max-price 1ether
      assay model register --function-hash 0x3f... --oracle-address 0xB2... --max-price 1ether --salt 0x01
    """
    if (folder is None) == (function_hash is None):
        raise click.UsageError("expected either --function or --function-hash")
    function = _hash_of(folder) if folder else function_hash
    chain = session.chain(sending=True)
    unit = chain.token(token)
    terms = ModelTerms(
        owner=session.account.address,
        token=token,
        function_hash=function,
        delivery_key=delivery_key_of(keys.recipient_at(session.settings.identity_path)),
        max_price=max_price.base_units(unit),
        seller_bond=seller_bond.base_units(unit),
        oracle_bond=oracle_bond.base_units(unit),
        reveal_window=reveal_window,
        dispute_window=dispute_window,
        require_receipt=require_receipt,
        salt=salt,
    )
    model_id, oracle = chain.model_id(terms), oracle_address or _configured_oracle(session)
    if name is not None:
        session.names.check_model(name, model_id)
    gas = register_once(chain, terms, oracle)
    report(f"{'registered' if gas else 'registered before'}, with oracle {oracle}")
    if name is not None:
        session.names.add_model(name, model_id)
    if budget is not None:
        gas += fund_up_to(chain, terms, budget.base_units(unit))
        report(f"budget {amount_text(chain.model_state(model_id).budget, unit)}")
    emit({"model_id": model_id, "gas": gas}, f"0x{model_id.hex()}", as_json)


def _hash_of(folder: Path) -> bytes:
    """The hash that the manifest of a price function states; the oracle compares it with the files.

    Raises:
        UsageError: There is no price function, or one that its fit refused.
    """
    path = folder / "manifest.json"
    try:
        found = bytes.fromhex(json.loads(path.read_text())["hash"].removeprefix("0x"))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        found = b""
    if len(found) != 32:
        raise UsageError(f"expected a price function in {folder}, found none", hint="assay-oracle fit writes one")
    try:
        refusal = (folder / REFUSAL).read_text(errors="replace").strip()
    except FileNotFoundError:
        return found
    except OSError as error:
        refusal = str(error)
    raise UsageError(
        f"expected a price function that prices offers, {folder} has one that was refused: {refusal}",
        hint="fit it again: assay-oracle fit says with each refusal what helps",
    )


def _configured_oracle(session: Session) -> str:
    """The account that the configured oracle says it signs with, or the committee of which it is a member."""
    info = session.oracle.info()
    oracle = info.committee or info.oracle
    if oracle == ZERO_ADDRESS:
        raise SettingsError(
            f"expected an oracle that signs at {session.settings.oracle}, got one on a dry run",
            hint="name another one: --oracle, or --oracle-address",
        )
    return oracle


def fund_up_to(chain: Chain, terms: ModelTerms, budget: int) -> int:
    """Raises a model's budget to ``budget`` base units if it is lower; returns the gas used, 0 if nothing was sent."""
    missing = budget - chain.model_state(chain.model_id(terms)).budget
    return chain.fund(terms, missing).gas if missing > 0 else 0


def register_once(chain: Chain, terms: ModelTerms, oracle: str) -> int:
    """Registers ``terms`` with ``oracle`` unless they are; returns the gas used, 0 if nothing was sent.

    The id of a model is the hash of its terms, which do not name the oracle: terms that are registered with another
    oracle are the same model.

    Raises:
        ModelExists: The model is registered with another oracle, or halted.
    """
    model_id = chain.model_id(terms)
    state = chain.model_state(model_id)
    if not state.registered:
        return chain.register_model(terms, oracle).gas
    if state.oracle != oracle:
        now = f"its oracle is {state.oracle}" if state.oracle else "it is halted"
        raise ModelExists(
            f"expected new terms, or the registered model's oracle; model 0x{model_id.hex()} has these terms, and "
            f"{now}, not {oracle}",
            hint=f"replace its oracle: assay model set-oracle --model 0x{model_id.hex()} --oracle-address {oracle}; "
            "or register a model of its own: --salt 0x01",
        )
    return 0


@model.command()
@model_option
@click.option("--amount", type=WRITTEN, required=True, help="Base units, or with a unit: 5ether.")
@json_option
@pass_session
def fund(session: Session, model_id: ModelId, amount: WrittenAmount, as_json: bool) -> None:
    """Add to a model's budget.

    \b
    Example:
      assay model fund --model 0x12... --amount 5ether
    """
    chain = session.chain(sending=True)
    terms = registered_terms(chain, model_id)
    token = chain.token(terms.token)
    receipt = chain.fund(terms, amount.base_units(token))
    budget = chain.model_state(model_id).budget
    emit({"budget": str(budget), "gas": receipt.gas}, fields([("budget", amount_text(budget, token))]), as_json)


@model.command()
@model_option
@click.option("--amount", type=WRITTEN, required=True, help="Base units, or with a unit: 5ether.")
@click.option("--to", type=ADDRESS, help="Account to pay; by default the keystore's own.")
@json_option
@pass_session
def withdraw(session: Session, model_id: ModelId, amount: WrittenAmount, to: str | None, as_json: bool) -> None:
    """Take unspent budget out.

    \b
    Example:
      assay model withdraw --model 0x12... --amount 2ether
    """
    chain = session.chain(sending=True)
    terms = registered_terms(chain, model_id)
    token = chain.token(terms.token)
    receipt = chain.withdraw(terms, amount.base_units(token), to or session.account.address)
    budget = chain.model_state(model_id).budget
    emit({"budget": str(budget), "gas": receipt.gas}, fields([("budget", amount_text(budget, token))]), as_json)


@model.command("set-oracle")
@model_option
@click.option("--oracle-address", type=ADDRESS, help="The new oracle; without it the model is halted.")
@json_option
@pass_session
def set_oracle(session: Session, model_id: ModelId, oracle_address: str | None, as_json: bool) -> None:
    """Replace the oracle, at once and permanently, or halt the model.

    \b
    Example:
      assay model set-oracle --model 0x12... --oracle-address 0xB2...
    """
    chain = session.chain(sending=True)
    receipt = chain.set_oracle(registered_terms(chain, model_id), oracle_address)
    shown = fields([("oracle", oracle_address or "none: halted")])
    emit({"oracle": oracle_address, "gas": receipt.gas}, shown, as_json)


@model.command()
@model_option
@click.option("--oracle-address", type=ADDRESS, required=True, help="The oracle that the bond is for.")
@click.option("--amount", type=WRITTEN, required=True, help="Base units, or with a unit: 5ether.")
@json_option
@pass_session
def bond(session: Session, model_id: ModelId, oracle_address: str, amount: WrittenAmount, as_json: bool) -> None:
    """Add to an oracle's bond for a model.

    \b
    Example:
      assay model bond --model 0x12... --oracle-address 0xA1... --amount 1ether
    """
    chain = session.chain(sending=True)
    terms = registered_terms(chain, model_id)
    token = chain.token(terms.token)
    receipt = chain.bond_oracle(terms, oracle_address, amount.base_units(token))
    held, _ = chain.oracle_bond(model_id, oracle_address)
    emit({"bond": str(held), "gas": receipt.gas}, fields([("bond", amount_text(held, token))]), as_json)


@model.command()
@model_option
@json_option
@pass_session
def status(session: Session, model_id: ModelId, as_json: bool) -> None:
    """Show a model's oracle, budget and orders; with --json its terms, too.

    \b
    Example:
      assay model status --model 0x12... --json
    """
    chain = session.chain(sending=False)
    terms = registered_terms(chain, model_id)
    state = chain.model_state(model_id)
    counts: dict[str, int] = {}
    for posted in chain.posted(model_id=model_id):
        name = state_of(chain, posted.order).status.name.lower()
        counts[name] = counts.get(name, 0) + 1
    result = {
        "model_id": model_id,
        "oracle": state.oracle,
        "budget": str(state.budget),
        "orders": counts,
        "terms": terms,
    }
    rows = [
        ("oracle", state.oracle or "none: halted"),
        ("budget", amount_text(state.budget, chain.token(terms.token))),
        ("orders", ", ".join(f"{count} {name}" for name, count in counts.items()) or "none"),
    ]
    emit(result, fields(rows), as_json)


model.add_command(show)
model.add_command(terms_page)
