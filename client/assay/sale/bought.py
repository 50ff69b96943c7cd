"""What was bought, after the sale: a second check against the order's root, and exports in other formats."""

import filecmp
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from assay.chain.port import Chain
from assay.errors import SealError, UsageError
from assay.files import new_file, refusing
from assay.protocol import seal
from assay.protocol.schema import Schema
from assay.protocol.structs import Order
from assay.sale.offered.reader import convert
from assay.sale.purchase import PurchaseFiles, suffix_of

FORMATS = {
    ".arrow": "arrow",
    ".csv": "csv",
    ".feather": "arrow",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".npz": "npz",
    ".parquet": "parquet",
}
"""Formats of exports by suffix; the first suffix of a format is its usual one."""


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


def usual_suffix(form: str) -> str:
    """The suffix that files of a format have."""
    return next(suffix for suffix, known in FORMATS.items() if known == form)


def export(file: Path, target: Path, schema: Callable[[], Schema], *, form: str | None = None) -> None:
    """Writes the opened ``file`` to ``target``, a new file for its owner alone; a copy, if it is in that format.

    Args:
        file: Of a purchase.
        target: Where to write.
        schema: Of the model; asked for where the file has no types or no names.
        form: Format, a value of ``FORMATS``; None for the one that the suffix of ``target`` names.

    Raises:
        UsageError: ``target`` exists, no format is named, or what reads tables is not installed.
        AssayError: The file cannot be written in this format.
    """
    own = suffix_of(file)
    if form is None and target.suffix.lower() not in {own, *FORMATS}:
        raise UsageError(
            f"expected a file name that ends with {', '.join(sorted({own, *FORMATS}))}, got {target.name}",
            hint="name the format: --format parquet",
        )
    is_copy = target.suffix.lower() == own if form is None else FORMATS.get(own) == form
    with refusing(target), new_file(target) as written:
        if is_copy:
            with file.open("rb") as source:
                shutil.copyfileobj(source, written)
        else:
            convert(file, written, form or FORMATS[target.suffix.lower()], schema)
