"""Options that say which columns are features of a model."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

_OPTIONS = (
    ("--id", "ids", "A column that identifies rows: no feature, and no part of what makes a record new; repeatable."),
    ("--drop", "dropped", "A column to leave out; repeatable."),
    (
        "--feature",
        "features",
        "A column that is a feature, though it may look like a key; repeatable.",
    ),
    ("--categorical", "categories", "A column to read as text, even if it spells numbers; repeatable."),
)


encoder_option = click.option(
    "--encoder",
    "encoders",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    multiple=True,
    metavar="FILE",
    help="Declaration (TOML) of a network that turns a column of texts or pictures into numbers; repeatable; see "
    "docs/encoders.md.",
)


def column_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options, passed on as the fields of ``assay_pricing.records.roles.Choices``."""
    for flag, name, text in reversed(_OPTIONS):
        command = click.option(flag, name, multiple=True, metavar="COLUMN", help=text)(command)
    return click.option(
        "--unit",
        "units",
        multiple=True,
        metavar="COLUMN=UNIT",
        callback=_units,
        help="Unit of a column of numbers, which data owners read in the model's terms; repeatable: --unit height=cm.",
    )(command)


def _units(_: click.Context, __: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    """Units by column. A name may have an equals sign; a unit has none.

    Raises:
        BadParameter: A text is no COLUMN=UNIT, or a column has two.
    """
    units: dict[str, str] = {}
    for text in given:
        column, _equals, unit = (part.strip() for part in text.rpartition("="))
        if not column or not unit or not unit.isprintable():
            raise click.BadParameter(f"expected COLUMN=UNIT, for example height=cm, got {text!r}")
        if units.setdefault(column, unit) != unit:
            raise click.BadParameter(f"expected one unit of {column!r}, got {units[column]!r} and {unit!r}")
    return units
