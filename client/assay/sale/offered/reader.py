"""The oracle's reader of tables, where its libraries are installed: the only place in which the client imports it.

The client does without these libraries, which are large, for everything but the values of a file. Where they are
installed, a file is read by the code that the oracle reads it with: a second reader would find other faults.
"""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from assay.errors import UsageError
from assay.protocol.messages import ModelInfo
from assay.protocol.schema import Schema

if TYPE_CHECKING:
    from assay_pricing.records.exchange.examination import Examination
    from assay_pricing.records.profile import ColumnProfile as ColumnProfile

_LIBRARIES = ("numpy", "pyarrow")


def examine(path: Path, model: ModelInfo) -> "Examination":
    """Reads the file at ``path`` as an offer for ``model``.

    Raises:
        UsageError: The libraries are not installed.
    """
    _require()
    from assay_pricing.records.exchange.examination import examine as look

    limits = model.limits
    if limits is None:
        return look(path, model.schema_)
    return look(path, model.schema_, max_bytes=limits.expanded_bytes, max_records=limits.records)


def convert(source: Path, target: BinaryIO, form: str, schema: Callable[[], Schema]) -> None:
    """Writes the table at ``source`` in another format, ``arrow``, ``csv``, ``jsonl``, ``npz`` or ``parquet``.

    Args:
        source: The file.
        target: Seekable, empty.
        form: Name of the format.
        schema: Of the model; asked for where the file has no types or no names.

    Raises:
        UsageError: The libraries are not installed.
    """
    _require()
    from assay_pricing.records.exchange.conversion import convert as write

    write(source, target, form, schema)


def _require() -> None:
    for name in _LIBRARIES:
        try:
            import_module(name)
        except ImportError:
            raise UsageError(
                f"expected the library {name}, which reads tables; it is not installed",
                hint="pip install 'assay[formats]'",
            ) from None
