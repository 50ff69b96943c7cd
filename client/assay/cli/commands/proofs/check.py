"""``assay proof``: proofs of prices, checked without trust in the oracle."""

from pathlib import Path

import click
from pydantic import ValidationError

from assay.amounts import amount_text
from assay.chain.queries import registered_terms
from assay.cli.group import Group
from assay.cli.session import Session, pass_session
from assay.cli.tables import fields, id_text
from assay.cli.terminal import emit, json_option, report
from assay.errors import OracleMisbehaved, UsageError
from assay.protocol.proof.proven import ProvenPrice, statistics_numbers
from assay.sale.blind import sums_of
from assay.sale.proven.terms import KEY, OPENING, TERMS, opened_terms


@click.group(cls=Group)
def proof() -> None:
    """Check proofs of prices without trust in the oracle."""


@proof.command()
@click.argument("proven", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--terms",
    "folder",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    required=True,
    help=f"Folder with the model's {KEY}, {TERMS} and {OPENING}, from its owner.",
)
@click.option(
    "--data",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The data: compare their statistics with those that the price was proven for.",
)
@json_option
@pass_session
def check(session: Session, proven: Path, folder: Path, data: Path | None, as_json: bool) -> None:
    """Check that the price in PROVEN follows from the model and from the data.

    The seller has the data, and after a sale the buyer. Where the statistics are others, the file PROVEN, the oracle's
    quote and the data show that the price is not that of the data. Without --data only an honest oracle's proof is
    told from a mistake: a dishonest one can commit to what is no statistics, and prove any price.

    \b
    Examples:
      assay proof check proof.json --terms proofs
      assay proof check proof.json --terms proofs --data few.csv
    """
    found = _proven(proven)
    key, terms = opened_terms(folder)
    chain = session.chain(sending=False)
    stated = found.statement
    registered = registered_terms(chain, stated.model_id)
    if terms.money.max_price != registered.max_price:
        raise OracleMisbehaved(
            f"expected a highest price of {registered.max_price}, as on chain, got {terms.money.max_price}"
        )
    found.check(terms, key, chain.domain)
    if data is not None:
        sums = sums_of(data, session.model(chain, stated.model_id))
        found.check_statistics(key, statistics_numbers(sums.second.tolist(), sums.first.tolist()), sums.records)
    else:
        report("for statistics that were not compared with data: --data FILE")
    result = {"price": str(stated.price), "records": stated.records, "data": data is not None}
    rows = [
        ("price", amount_text(stated.price, chain.token(registered.token))),
        ("model", id_text(stated.model_id)),
        ("seller", stated.seller),
        ("records", stated.records),
        ("proven for", "these data" if data is not None else "statistics that nobody compared"),
    ]
    emit(result, fields(rows), as_json)


def _proven(path: Path) -> ProvenPrice:
    try:
        return ProvenPrice.model_validate_json(path.read_bytes())
    except OSError as error:
        raise UsageError(f"expected a file at {path}: {error.strerror}") from None
    except ValidationError as error:
        raise UsageError(f"expected a proven price in {path}: {error}") from None
