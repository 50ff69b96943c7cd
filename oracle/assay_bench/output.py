"""How a benchmark runs and where it writes: options of its command, and the file of its figures."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from assay.files import write_whole

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

minutes_option: Decorator = click.option(
    "--minutes",
    type=click.FloatRange(0),
    default=math.inf,
    help="Start nothing after this time; 0 computes nothing and reports what is stored.  [default: no limit]",
)
"""Time of a run that can be resumed."""
workers_option: Decorator = click.option(
    "--workers", type=click.IntRange(1), default=2, show_default=True, help="Processes of one thread each."
)
"""Processes of a run."""


def out_option(default: str, text: str) -> Decorator:
    """``--out``, the file of the figures."""
    return click.option(
        "--out", type=click.Path(path_type=Path, dir_okay=False), default=default, show_default=True, help=text
    )


def folder_option(name: str, default: str, text: str) -> Decorator:
    """A folder for files of the benchmark."""
    return click.option(
        name, type=click.Path(path_type=Path, file_okay=False), default=default, show_default=True, help=text
    )


def write_figures(out: Path, content: str) -> None:
    """Writes the figures, a JSON text, for everyone to read."""
    out.parent.mkdir(parents=True, exist_ok=True)
    write_whole(out, (content + "\n").encode(), mode=0o644)
