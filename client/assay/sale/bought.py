"""What was bought, after the sale: a second check against the order's root, and exports in other formats."""

import csv
import filecmp
import json
import math
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from assay.chain.port import Chain
from assay.errors import SealError, UsageError
from assay.files import sync_folder
from assay.protocol import seal
from assay.protocol.schema import Schema
from assay.protocol.structs import Order
from assay.sale.offered.data_file import read_header
from assay.sale.purchase import DEFAULT_SUFFIX, PurchaseFiles, suffix_of

GAPS = ("", "na", "nan", "null", "none", "n/a")
"""Spellings of a missing value, in lower case."""
LINES = ".jsonl"
"""Suffix of JSON lines, to which CSV is converted; other files are copied as they are, under their own suffix."""


def check_again(chain: Chain, order: Order, file: Path, files: PurchaseFiles, key: Callable[[], bytes | None]) -> str:
    """Checks the opened ``file`` of an order against its data root; returns what it was compared with.

    Data that the seller revealed on chain is compared with the chain. Otherwise every chunk of the sealed file is
    verified, and opened with ``key()`` into a temporary file, which takes as much disk as the data.

    Raises:
        SealError: The file, or the sealed file, is not what was bought.
        UsageError: The sealed file or the key, without which nothing can be checked, is not here.
    """
    revealed = chain.revealed_data(order.order_id())
    sealed = files.sealed(order)
    with tempfile.NamedTemporaryFile(dir=file.parent, prefix=".check.") as opened:
        target: Any = opened
        if revealed is not None:
            digests = revealed.sealed_digests
            target.write(seal.open_revealed(revealed.plaintext, digests, revealed.chunk_size, order.data_root))
        else:
            _open_again(order, sealed, target, key)
        target.flush()
        if not filecmp.cmp(file, opened.name, shallow=False):
            raise SealError(
                f"{file} differs from the data that order 0x{order.order_id().hex()} commits to",
                hint=f"it was changed after it was opened: delete it, and run assay buy to open {sealed.name} again",
            )
    return "the data on chain" if revealed is not None else "the sealed file"


def _open_again(order: Order, sealed: Path, target: BinaryIO, key: Callable[[], bytes | None]) -> None:
    if not sealed.exists():
        raise UsageError(
            f"expected the sealed file {sealed}, which has the order's root; it is not there",
            hint="assay clean deletes it once the file is open: without it nothing can be checked",
        )
    with sealed.open("rb") as source:
        index = seal.read_index(source)
        index.check_root(order.data_root)
        found = key()
        if found is None:
            seal.check_chunks(source, index=index)
            raise UsageError(
                "the sealed file has the order's root; the key, to compare the opened file with it, is not here",
                hint="the key is on chain once revealed, or with the oracle: try again when it answers",
            )
        seal.open_sealed(source, found, target, index=index)  # which checks the sealed chunks, too


def export(file: Path, target: Path, schema: Callable[[], Schema]) -> None:
    """Writes the opened ``file`` to ``target``, a new file, in the format that its suffix names.

    Numeric columns of ``schema()`` become numbers in JSON lines, and all others texts.

    Raises:
        UsageError: ``target`` exists, its suffix names no format that the file can have, or the file is no such table.
    """
    suffix, own = target.suffix.lower(), suffix_of(file)
    if suffix != own and (own, suffix) != (DEFAULT_SUFFIX, LINES):
        permitted = f"{own} or {LINES}" if own == DEFAULT_SUFFIX else own
        raise UsageError(
            f"expected a file name that ends with {permitted}, got {target.name}",
            hint=f"export it as {own}, and convert that, for example with pandas or pyarrow",
        )
    if target.exists():
        raise UsageError(f"expected a new file, {target} exists", hint="name another one")
    with _new_file(target) as aside:
        if suffix == own:
            shutil.copyfile(file, aside)
        else:
            _write_lines(file, aside, schema())


@contextmanager
def _new_file(target: Path) -> Iterator[Path]:
    """A path to write to; what is there becomes ``target``, complete and on disk, unless that exists by then."""
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".export.") as folder:
        aside = Path(folder) / "data"
        yield aside
        with aside.open("rb") as written:
            os.fsync(written.fileno())
        try:
            target.hardlink_to(aside)
        except FileExistsError:
            raise UsageError(f"expected a new file, {target} exists", hint="name another one") from None
    sync_folder(target.parent)


def _write_lines(file: Path, target: Path, schema: Schema) -> None:
    """One JSON object a record of the CSV ``file``; null for a missing number, and for what JSON has no number for."""
    header = read_header(file)
    try:
        if header is None:
            raise ValueError("its first line is no text")
        numeric = {feature.name for feature in schema.features if feature.kind == "numeric"}
        numeric |= {schema.label} if schema.task == "regression" else set()
        comma = header.separator == ";"
        with file.open(newline="", encoding=header.encoding) as source, target.open("w", encoding="utf-8") as lines:
            rows = csv.reader(source, strict=True, delimiter=header.separator)
            next(rows)
            for row in filter(None, rows):
                if len(row) != len(header.names):
                    raise ValueError(f"line {rows.line_num}: expected {len(header.names)} values, got {len(row)}")
                pairs = zip(header.names, row, strict=True)
                record = {name: _number(text, comma=comma) if name in numeric else text for name, text in pairs}
                lines.write(json.dumps(record, ensure_ascii=False, allow_nan=False) + "\n")
    except (csv.Error, ValueError) as error:
        raise UsageError(
            f"{file.name} cannot be exported as JSON lines: {error}", hint="export it as .csv: as it was bought"
        ) from None


def _number(text: str, *, comma: bool) -> int | float | None:
    """The number in a field; with ``comma``, one may stand before the fraction.

    Raises:
        ValueError: There is none.
    """
    written = text.strip().lower()
    if written in GAPS:
        return None
    if comma and "." not in written:
        written = written.replace(",", ".", 1)
    try:
        return int(written)
    except ValueError:
        number = float(written)
        return number if math.isfinite(number) else None
