"""``assay-oracle proof``: keys for proofs of prices, proofs, and the contract that asks for them."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from assay.cli.group import Group
from assay.cli.options import model_id_option
from assay.cli.params import ADDRESS, AMOUNT
from assay.cli.terminal import emit, json_option, report
from assay.protocol.types import ModelId

if TYPE_CHECKING:
    from assay_pricing.function import PriceFunction

FOLDER = click.Path(file_okay=False, path_type=Path)
EXISTING = click.Path(exists=True, path_type=Path)
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
OUT = click.Path(dir_okay=False, path_type=Path)
_READABLE = 0o644


@click.group(cls=Group)
def proof() -> None:
    """Make keys for proofs of prices, prove prices, and make the contract that asks for proofs (docs/proofs.md).

    \b
    Examples:
      assay-oracle proof setup pricing --out proofs --max-price 1ether --development
      assay-oracle proof make pricing --proofs proofs --data few.csv --quote quote.json --out proof.json
    """


@proof.command()
@click.argument("artifact", type=EXISTING)
@click.option("--out", type=FOLDER, required=True, help="Folder for keys and commitment.")
@click.option("--max-price", type=AMOUNT, required=True, help="Highest price of the model's terms.")
@click.option("--development", is_flag=True, help="Make the proving key here: who makes it could forge proofs.")
@click.option("--ceremony", type=FILE, help="File of a ceremony's last contribution (zkey), see `verify`.")
@json_option
def setup(artifact: Path, out: Path, max_price: int, development: bool, ceremony: Path | None, as_json: bool) -> None:
    """Make the key for proofs of the price function in ARTIFACT, and commit to its integers.

    \b
    Examples:
      assay-oracle proof setup pricing --out proofs --max-price 1ether --ceremony last.zkey
      assay-oracle proof setup pricing --out proofs --max-price 1ether --development
    """
    from assay_pricing.proof import folder, prover
    from assay_pricing.proof.circuit import model_numbers
    from assay_pricing.proof.pricing import sizes_of
    from assay_pricing.sums.blind import money_terms
    from assay_pricing.sums.form import form_of

    if development == (ceremony is not None):
        raise click.UsageError("expected one of --development and --ceremony")
    function = _function(artifact)
    form = form_of(function.method)
    money, sizes = money_terms(function, form, max_price), sizes_of(form)
    made = out / folder.PROVING
    folder.prepare(out)
    if ceremony is None:
        report("development key: whoever made it could forge proofs")
        key = prover.set_up(sizes, made)
    else:
        key = prover.import_ceremony(sizes, ceremony, made)
    terms = folder.write(out, key, model_numbers(form.secret), money)
    emit(terms, f"key         {terms.key.hex()}\ncommitment  {terms.model.hex()}\nfolder      {out}", as_json)


@proof.command()
@click.argument("artifact", type=EXISTING)
@click.argument("out", type=OUT)
@json_option
def circuit(artifact: Path, out: Path, as_json: bool) -> None:
    """Write the constraints of the price function in ARTIFACT to OUT (r1cs), for a ceremony.

    \b
    Example:
      assay-oracle proof circuit pricing circuit.r1cs
    """
    from assay_pricing.proof.pricing import sizes_of
    from assay_pricing.proof.prover import write_circuit
    from assay_pricing.sums.form import form_of

    sizes = sizes_of(form_of(_function(artifact).method))
    write_circuit(sizes, out)
    result = {"file": out, "features": sizes.features, "outputs": sizes.outputs, "price_bits": sizes.price_bits}
    emit(result, "\n".join(f"{name:<12}{value}" for name, value in result.items()), as_json)


@proof.command()
@click.argument("circuit", type=FILE)
@click.argument("powers", type=FILE)
@click.argument("out", type=OUT)
@json_option
def begin(circuit: Path, powers: Path, out: Path, as_json: bool) -> None:
    """Begin a ceremony: write the first key to OUT, of CIRCUIT and the public powers of tau in POWERS (ptau).

    \b
    Example:
      assay-oracle proof begin circuit.r1cs powers.ptau 0.zkey
    """
    from assay_pricing.proof import ceremony

    ceremony.begin(circuit, powers, out)
    emit({"file": out}, f"file  {out}", as_json)


@proof.command()
@click.argument("before", type=FILE)
@click.argument("out", type=OUT)
@click.option("--name", required=True, help="Whose contribution it is.")
@json_option
def contribute(before: Path, out: Path, name: str, as_json: bool) -> None:
    """Add secrets of your own to the key in BEFORE, and write OUT for the next party. The secrets are forgotten.

    Beside a key is a file of the same name with .gamma at its end: hand on both.

    \b
    Example:
      assay-oracle proof contribute 0.zkey 1.zkey --name "model owner"
    """
    from assay_pricing.proof import ceremony

    ceremony.contribute(before, out, name)
    emit({"file": out, "name": name}, f"file  {out}", as_json)


@proof.command()
@click.argument("circuit", type=FILE)
@click.argument("powers", type=FILE)
@click.argument("key", type=FILE)
@json_option
def verify(circuit: Path, powers: Path, key: Path, as_json: bool) -> None:
    """Check that KEY is of CIRCUIT and POWERS, and that each contribution was made to the one before.

    \b
    Example:
      assay-oracle proof verify circuit.r1cs powers.ptau 3.zkey
    """
    from assay_pricing.proof import ceremony

    names = ceremony.verify(circuit, powers, key)
    told = f"{key} is whole, by {', '.join(names)}: one party that forgot its secret is enough"
    emit({"file": key, "contributions": names}, told, as_json)


@proof.command()
@click.argument("artifact", type=EXISTING)
@click.option("--proofs", type=FOLDER, required=True, help="Folder that `setup` made.")
@click.option("--data", type=EXISTING, required=True, help="The records that were priced.")
@click.option("--quote", type=FILE, required=True, help="JSON of the quote, as the oracle answers it.")
@click.option("--chain-id", type=click.IntRange(1), required=True, help="Chain that the quote is valid on.")
@click.option("--contract", type=ADDRESS, required=True, help="Settlement contract of the quote.")
@click.option("--out", type=OUT, required=True, help="File for the proven price.")
@json_option
def make(
    artifact: Path, proofs: Path, data: Path, quote: Path, chain_id: int, contract: str, out: Path, as_json: bool
) -> None:
    """Prove that the price of a quote follows from the price function in ARTIFACT and the data.

    The data are priced alone: a price that rests on a seller's other offers, or on what others sold, has no proof.

    \b
    Example:
      assay-oracle proof make pricing --proofs proofs --data few.csv --quote quote.json --chain-id 31337
        --contract 0x5F... --out proof.json
    """
    from assay.files import refusing, write_new
    from assay.protocol.statements import Domain
    from assay.protocol.structs import Quote
    from assay_pricing.proof.folder import ProofFolder
    from assay_pricing.proof.pricing import ProofPricing
    from assay_pricing.records.records import distinct
    from assay_pricing.records.tables import parse_records
    from assay_pricing.sums.moments import Moments

    function = _function(artifact)
    pricing = ProofPricing.of(function, ProofFolder.read(proofs))
    with data.open("rb") as source:
        records = distinct(parse_records(source, function.file_schema))
    terms = pricing.form.terms
    found = terms.statistics(Moments.of(terms.features, [records]))
    domain = Domain(chain_id=chain_id, contract=contract)
    proven = pricing.prove(found, records.n, Quote.model_validate_json(quote.read_bytes()), domain)
    with refusing(out):
        write_new(out, proven.model_dump_json(indent=1).encode(), mode=_READABLE)
    emit(proven, f"price    {proven.statement.price}\nrecords  {records.n}\nproof    {out}", as_json)


@proof.command()
@click.argument("proofs", type=FOLDER)
@click.option("--operator", type=ADDRESS, required=True, help="Account whose key signs quotes.")
@click.option("--settlement", type=ADDRESS, required=True, help="Settlement contract.")
@model_id_option
@click.option("--out", type=OUT, required=True, help="File for the creation code, in hex.")
@json_option
def contract(proofs: Path, operator: str, settlement: str, model_id: ModelId, out: Path, as_json: bool) -> None:
    """Write the creation code of the oracle that signs a model's quotes with proofs alone, for any wallet to send.

    The model's owner then names its address as the model's oracle: assay model set-oracle.

    \b
    Example:
      assay-oracle proof contract proofs --operator 0xA1... --settlement 0x5F... --model 0x12... --out oracle.hex
    """
    from assay.chain.proven import creation_code
    from assay.files import refusing, write_new
    from assay.protocol.proof.curve import from_bytes
    from assay_pricing.proof.folder import ProofFolder

    found = ProofFolder.read(proofs)
    rule, model = found.terms.money.rule(), from_bytes(found.terms.model)
    code = creation_code(operator, settlement, model_id, found.key, model, rule)
    with refusing(out):
        write_new(out, b"0x" + code.hex().encode() + b"\n", mode=_READABLE)
    emit({"file": out, "bytes": len(code)}, f"file   {out}\nbytes  {len(code)}", as_json)


def _function(artifact: Path) -> "PriceFunction":
    from assay_pricing.function import PriceFunction

    return PriceFunction.load(artifact)
