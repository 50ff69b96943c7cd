"""``assay models``, ``assay model show``, ``assay check``: who buys what, on which terms, and whether a file fits."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

import click

from assay.amounts import Token, amount_text, short_amount
from assay.chain.port import Chain
from assay.chain.queries import registered_terms
from assay.chain.values import ModelState
from assay.cli.options import model_or_default, offer_model_option
from assay.cli.params import MODEL, DataFile
from assay.cli.session import Session, pass_session
from assay.cli.tables import duration_text, fields, id_text, size_text, table
from assay.cli.terminal import emit, json_option, report
from assay.errors import AssayError, ExitCode
from assay.protocol.messages import ModelInfo, OracleInfo
from assay.protocol.structs import ModelTerms
from assay.protocol.types import ModelId
from assay.sale.offered.file_report import report_on


@dataclass(frozen=True)
class Listing:
    """A model as a seller sees it; ``info`` is None unless the configured oracle prices for it."""

    model_id: ModelId
    terms: ModelTerms
    state: ModelState
    info: ModelInfo | None
    oracle: str

    @property
    def buys(self) -> bool:
        """Whether a quote could be posted now."""
        return self.state.oracle is not None and self.state.budget > 0

    def plain(self, name: str | None) -> dict[str, object]:
        """For JSON; amounts in base units."""
        return {
            "model_id": self.model_id,
            "name": name,
            "oracle": self.state.oracle,
            "oracle_answer": self.oracle,
            "budget": str(self.state.budget),
            "terms": self.terms,
            "metric": self.info.metric if self.info else None,
            "pricing": self.info.pricing if self.info else None,
            "max_chunk_size": self.info.max_chunk_size if self.info else None,
            "schema": self.info.schema_ if self.info else None,
        }


@click.command()
@click.option("--all", "everything", is_flag=True, help="Also models without budget or oracle.")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="Registrations to look at.")
@json_option
@pass_session
def models(session: Session, everything: bool, limit: int, as_json: bool) -> None:
    """List the models that buy data on this chain, newest first: goal, columns, price cap, budget, oracle.

    Goal and columns are known of the models that the configured oracle prices for (--oracle). Models that have a name,
    or that this oracle prices for, are listed beyond --limit, too.

    \b
    Examples:
      assay models
      assay models --all --json
    """
    chain = session.chain(sending=False)
    market = Market(session, chain)
    found = [listing for listing in market.listings(limit) if everything or listing.buys]
    rows = [_row(session, chain.token(listing.terms.token), listing) for listing in found]
    heads = ("name", "model", "goal", "columns", "highest price", "budget", "oracle", "reveal", "dispute")
    text = (
        table(heads, rows) if rows else "no model buys data on this chain; --all shows those without budget or oracle"
    )
    emit([listing.plain(session.names.of_model(listing.model_id)) for listing in found], text, as_json)


def _row(session: Session, token: Token, listing: Listing) -> tuple[object, ...]:
    terms, info = listing.terms, listing.info
    return (
        session.names.of_model(listing.model_id) or "-",
        id_text(listing.model_id),
        info.metric if info else "?",
        _shape(info) if info else "?",
        short_amount(terms.max_price, token),
        short_amount(listing.state.budget, token),
        listing.oracle,
        duration_text(terms.reveal_window),
        duration_text(terms.dispute_window),
    )


def _shape(info: ModelInfo) -> str:
    schema = info.schema_
    classes = f", {len(schema.classes)} classes" if schema.classes else ", a number"
    count = len(schema.features)
    return f"{count} {'column' if count == 1 else 'columns'}{classes}"


class Market:
    """The models of a chain, with what the configured oracle says of them. The oracle is asked once."""

    def __init__(self, session: Session, chain: Chain) -> None:
        self._session = session
        self._chain = chain
        self.oracle_info: OracleInfo | None = None
        self._silence = ""
        try:
            self.oracle_info = session.oracle.info()
        except AssayError as error:
            self._silence = error.message
            report(f"the oracle at {session.settings.oracle} does not answer: {error.message}")

    def listings(self, limit: int) -> Iterator[Listing]:
        """The newest ``limit`` registrations; then named models and those of the oracle that are older."""
        seen: set[ModelId] = set()
        for model in islice(self._chain.models(), limit):
            seen.add(model.model_id)
            yield self.listing(model.model_id, model.terms)
        served = self.oracle_info.models if self.oracle_info else ()
        for model_id in dict.fromkeys([*self._session.names.models.values(), *map(ModelId, served)]):
            found = None if model_id in seen else self._chain.model_terms(model_id)
            if found:
                yield self.listing(model_id, found[0])

    def listing(self, model_id: ModelId, terms: ModelTerms) -> Listing:
        """One model."""
        state = self._chain.model_state(model_id)
        info, oracle = self._ask(model_id, state)
        return Listing(model_id, terms, state, info, oracle)

    def _ask(self, model_id: ModelId, state: ModelState) -> tuple[ModelInfo | None, str]:
        """What the oracle says of a model, and how it stands to the model."""
        served = self.oracle_info
        if state.oracle is None:
            return None, "halted"
        if served is None:
            return None, "no answer"
        if served.oracle != state.oracle:
            return None, f"another: {self._session.names.of_account(state.oracle) or state.oracle}"
        if model_id not in served.models:
            return None, "does not price it"
        try:
            return self._session.oracle.model(model_id), "answers"
        except AssayError as error:
            return None, f"fails: {error.message}"


@click.command()
@click.argument("model_id", metavar="[MODEL]", type=MODEL, required=False, callback=model_or_default)
@json_option
@pass_session
def show(session: Session, model_id: ModelId, as_json: bool) -> None:
    """Show what a model buys and on which terms: columns, goal, price cap, windows, limits, and how to sell to it.

    \b
    Examples:
      assay model show dress-model
      assay model show 0x12... --json
    """
    chain = session.chain(sending=False)
    market = Market(session, chain)
    listing = market.listing(model_id, registered_terms(chain, model_id))
    result = {
        **listing.plain(session.names.of_model(model_id)),
        "max_upload_bytes": market.oracle_info.max_upload_bytes if market.oracle_info else None,
    }
    text = "\n\n".join(
        [fields(_terms(session, chain, market, listing)), *_columns(listing.info), _how(session, listing)]
    )
    emit(result, text, as_json)


def _terms(session: Session, chain: Chain, market: Market, listing: Listing) -> list[tuple[str, object]]:
    terms, info, token = listing.terms, listing.info, chain.token(listing.terms.token)
    rows: list[tuple[str, object]] = [
        ("model", f"0x{listing.model_id.hex()}"),
        ("name", session.names.of_model(listing.model_id) or "none: assay names add model NAME ID"),
        ("owner", session.names.of_account(terms.owner) or terms.owner),
        ("pays in", token.symbol if token.is_native else f"{token.symbol}, token {token.address}"),
        ("highest price", amount_text(terms.max_price, token)),
        ("budget", amount_text(listing.state.budget, token)),
        ("seller bond", amount_text(terms.seller_bond, token)),
        ("oracle", f"{listing.state.oracle or 'none'}: {listing.oracle}"),
        ("oracle bond", amount_text(terms.oracle_bond, token)),
        ("time to reveal the key", duration_text(terms.reveal_window)),
        ("time to dispute", duration_text(terms.dispute_window)),
        ("receipt first", "yes: the key is revealed only after the buyer's receipt" if terms.require_receipt else "no"),
        ("price function", f"0x{terms.function_hash.hex()}"),
    ]
    if info:
        rows += [
            ("goal", f"better {info.metric}"),
            (
                "pricing",
                f"{info.pricing}, by {info.method}; the surrogate agrees with the model on {info.fidelity:.1%}",
            ),
        ]
        rows.append(("largest chunk", f"{info.max_chunk_size} bytes: a dispute sends one chunk of a sealed file"))
    if market.oracle_info:
        rows.append(("largest upload", size_text(market.oracle_info.max_upload_bytes)))
    if info and info.limits:
        opened = size_text(info.limits.expanded_bytes)
        rows.append(("largest offer", f"{info.limits.records} records, {opened} once opened (8 bytes a number)"))
    return rows


def _columns(info: ModelInfo | None) -> list[str]:
    """The columns of a data file, as a table; empty if they are not known."""
    if info is None:
        return []
    schema = info.schema_
    rows = [(feature.name, feature.kind, _values(feature.categories)) for feature in schema.features]
    label = _values(schema.classes) if schema.classes else "a number"
    return [table(("column", "kind", "values"), [*rows, (schema.label, "label", label)])]


def _values(known: tuple[str, ...], most: int = 12) -> str:
    more = f", and {len(known) - most} more" if len(known) > most else ""
    return f"{', '.join(known[:most])}{more}" if known else "-"


def _how(session: Session, listing: Listing) -> str:
    model = session.names.of_model(listing.model_id) or f"0x{listing.model_id.hex()}"
    return "\n".join(
        [
            f"check a file, nothing is sent:   assay check FILE --model {model}",
            "price it, if you have the artifact: assay-oracle appraise (see its --help); the owner may publish it",
            f"get a price (uploads, once):     assay sell FILE --model {model} --quote-only",
            f"sell:                            assay sell FILE --model {model}",
        ]
    )


@click.command()
@click.argument("file", type=DataFile(folder=True))
@offer_model_option
@json_option
@pass_session
def check(session: Session, file: Path, model_id: ModelId, as_json: bool) -> None:
    """Look at FILE before it is sealed or sent: columns, values, size, repeated records. Nothing of it is sent.

    Asks the oracle for the model's columns and for its largest upload, and reads the file by the code that the oracle
    reads it with, in every format (pip install 'assay[formats]'). FILE may be a folder of Parquet files, or of pictures
    with their labels. Faults name column and row; rows count from 0. Ends with status 1 if the oracle would refuse the
    file. Whether it is worth anything, and whether a record was priced before, only the oracle can say.

    \b
    Examples:
      assay check data.csv --model dress-model
      assay check data.parquet --json
    """
    found = report_on(file, session.oracle.info(), session.oracle.model(model_id))
    named = (*found.faults, *found.warnings)
    rows = [
        ("size", size_text(found.bytes)),
        ("records", "not counted" if found.records is None else found.records),
        *(("fault", fault) for fault in found.faults),
        *(("remedy", hint) for hint in found.hints),
        *(("warning", warning) for warning in found.warnings),
        *([("rows", "count from 0: row 0 is the first record")] if any(" row " in text for text in named) else []),
        ("verdict", "the oracle refuses this file" if found.faults else "no fault found"),
    ]
    heads = ("column", "role", "type", "values in the file", "without a value")
    seen = [
        (each.column, each.role, each.kind, each.values, each.missing)
        for each in found.columns
        if each.missing is not None
    ]
    emit(asdict(found), "\n\n".join([fields(rows), *([table(heads, seen)] if seen else [])]), as_json)
    if found.faults:
        raise click.exceptions.Exit(int(ExitCode.FAILED))
