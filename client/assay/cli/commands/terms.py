"""``assay model terms``: the page that a data owner reads before making a file for a model, and an example file."""

from collections.abc import Iterator
from pathlib import Path

import click

from assay.amounts import amount_text
from assay.chain.queries import registered_terms
from assay.cli.options import offer_model_option
from assay.cli.session import Session, pass_session
from assay.cli.tables import fields, size_text, table
from assay.cli.terminal import emit, json_option, report
from assay.errors import OracleMisbehaved
from assay.files import refusing, write_new
from assay.protocol.encoder import Encoder
from assay.protocol.messages import ModelInfo, OracleInfo
from assay.protocol.schema import Feature, Schema
from assay.protocol.types import ModelId
from assay.sale.offered.example_file import example_csv, type_text
from assay.sale.trust import check_model

_READABLE = 0o644


@click.command()
@offer_model_option
@click.option(
    "--example",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write a CSV file of made-up records with these columns; an existing file is not replaced.",
)
@json_option
@pass_session
def terms(session: Session, model_id: ModelId, example: Path | None, as_json: bool) -> None:
    """Show what a file for a model must hold: columns with types, units and values, labels, goal, price cap, limits.

    The page has every permitted value; `assay model show` shortens long lists, and has the windows and bonds.

    \b
    Examples:
      assay model terms --model dress-model
      assay model terms --model 0x12... --example example.csv
      assay check example.csv --model 0x12...
    """
    chain = session.chain(sending=False)
    found, oracle, info = registered_terms(chain, model_id), session.oracle.info(), session.oracle.model(model_id)
    if info.terms != found:
        raise OracleMisbehaved(
            f"expected the oracle's terms of model 0x{model_id.hex()} to be those on chain, they differ",
            hint="offer nothing to this oracle; tell its operator",
        )
    check_model(found, info)
    if example is not None:
        _write_example(example, info.schema_)
    token = chain.token(found.token)
    highest = min(found.max_price, info.price_cap) if info.price_cap is not None else found.max_price
    result = {
        "model_id": model_id,
        "goal": info.metric,
        "pricing": info.pricing,
        "max_price": str(highest),
        "price_grid": None if info.price_grid is None else str(info.price_grid),
        "token": found.token,
        "max_upload_bytes": oracle.max_upload_bytes,
        "limits": info.limits,
        "schema": info.schema_,
        "example": example,
    }
    prices: list[tuple[str, object]] = [("highest price", f"{amount_text(highest, token)}, for one offer")]
    if info.price_grid is not None:
        prices.append(("price step", f"{amount_text(info.price_grid, token)}: prices are multiples of it"))
    heads = ("column", "role", "type", "may be empty", "permitted values")
    page = [
        fields(_summary(session, model_id, prices, oracle, info)),
        table(heads, _columns(info.schema_)),
        *_encoders(info.schema_),
    ]
    emit(result, "\n\n".join(page), as_json)


def _write_example(path: Path, schema: Schema) -> None:
    with refusing(path):
        write_new(path, example_csv(schema).encode(), mode=_READABLE)
    report(f"{path} is an example: its values are made up, and nobody pays for them")


def _summary(
    session: Session, model_id: ModelId, prices: list[tuple[str, object]], oracle: OracleInfo, info: ModelInfo
) -> list[tuple[str, object]]:
    schema = info.schema_
    rows: list[tuple[str, object]] = [
        ("model", session.names.of_model(model_id) or f"0x{model_id.hex()}"),
        ("task", f"{schema.task} of {schema.label}"),
        ("goal", f"better {info.metric}"),
        *prices,
        ("pricing", info.pricing),
        ("largest upload", size_text(oracle.max_upload_bytes)),
    ]
    if info.limits:
        opened = size_text(info.limits.expanded_bytes)
        rows.append(("largest offer", f"{info.limits.records} records, {opened} once opened (8 bytes a number)"))
    return rows


def _columns(schema: Schema) -> list[tuple[object, ...]]:
    labels = ", ".join(schema.classes) or "-"
    number = f"number in {schema.label_unit}" if schema.label_unit else "number"
    label_type = "one of the values" if schema.classes else number
    return [
        *(_feature(feature) for feature in schema.features),
        (schema.label, "label", label_type, "no", labels),
        *((column.name, "not used", column.reason or column.role, "yes", "-") for column in schema.excluded),
    ]


def _feature(feature: Feature) -> tuple[object, ...]:
    known = ", ".join(text for text in feature.categories if text)
    return (
        feature.name,
        "feature",
        type_text(feature),
        "no" if feature.missing is None and "" not in feature.categories else "yes",
        known or (f"written {feature.stored}" if "%" in feature.stored else "-"),
    )


def _encoders(schema: Schema) -> Iterator[str]:
    """Each encoder with everything that says what it makes of a text or a picture."""
    for feature in schema.features:
        if feature.encoder is not None:
            yield fields(_encoder(feature.name, feature.encoder))


def _encoder(column: str, encoder: Encoder) -> list[tuple[str, object]]:
    rows: list[tuple[str, object]] = [
        ("encoder of", column),
        ("network", f"ONNX file with SHA-256 {encoder.sha256.hex()}"),
        ("features", f"{encoder.width}, multiples of 1/{2**encoder.bits}"),
        ("output", _output(encoder)),
    ]
    if encoder.text is not None:
        tokenizer = encoder.text.tokenizer
        rows.append(("tokenizer", f"file with SHA-256 {tokenizer.hex()}" if tokenizer else "in the network"))
        if tokenizer:
            rows.append(("text", f"cut after {encoder.text.max_tokens} tokens"))
    if encoder.image is not None:
        image = encoder.image
        cut = "cropped from the middle, " if image.resize == "crop" else ""
        rows.append(("picture", f"{cut}resized to {image.width} x {image.height} ({image.filter}), {image.channels}"))
        moments = f", mean {list(image.mean)}" * bool(image.mean) + f", std {list(image.std)}" * bool(image.std)
        rows.append(("values", f"0..255 times {image.scale:.6g}{moments}, {image.layout}"))
    return rows


def _output(encoder: Encoder) -> str:
    pooled = {"none": "", "mean": "its mean", "first": "its first token"}[encoder.pooling]
    unit = "of unit length" if encoder.normalised else ""
    return ", ".join(filter(None, (encoder.output or "the first", pooled, unit)))
