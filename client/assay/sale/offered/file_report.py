"""What can be said of a file before anything is sealed or sent, for the person who wants to sell it.

A fault is what the oracle refuses. A warning is what the oracle does not pay for, or what its owner may not expect.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from assay.errors import DataEmpty, OfferRefused, UsageError
from assay.protocol.messages import ModelInfo, OracleInfo
from assay.remedies import remedy
from assay.sale.offered.packing import ARCHIVE, files_of, suffix_for
from assay.sale.offered.precheck import check_file, check_size, chunk_size_for
from assay.sale.offered.reader import examine

if TYPE_CHECKING:
    from assay.sale.offered.reader import ColumnProfile


@dataclass
class FileReport:
    """What was found.

    Attributes:
        bytes: Size of the file.
        records: Their number; None where they were not read.
        repeated: Records that repeat another one.
        faults: For what the oracle refuses the file.
        hints: What to do about the faults.
        warnings: Sentences.
        columns: What is in the columns of the model.
    """

    bytes: int
    records: int | None = None
    repeated: int = 0
    faults: list[str] = field(default_factory=list)
    hints: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    columns: "tuple[ColumnProfile, ...]" = ()


def report_on(path: Path, oracle: OracleInfo, model: ModelInfo) -> FileReport:
    """Looks at the file or folder at ``path`` for ``model``, which ``oracle`` prices for."""
    parts = [part for part in path.rglob("*") if part.is_file()] if path.is_dir() else [path]
    found = FileReport(sum(part.stat().st_size for part in parts))
    try:
        if path.is_dir():
            _check_folder(path, oracle, model)
        else:
            check_file(path, oracle, model, chunk_size_for(model))
        seen = examine(path, model)
    except (OfferRefused, DataEmpty) as error:
        found.faults.append(error.message)
        found.hints += filter(None, [remedy(error)])
        return found
    except UsageError as missing:
        found.warnings.append(f"the values are not looked at: {missing.message} ({missing.hint})")
        return found
    found.records, found.repeated, found.columns = seen.records, seen.repeated, seen.columns
    found.faults += seen.faults
    found.hints += seen.hints
    found.warnings += seen.warnings
    if seen.repeated:
        found.warnings.append(f"{seen.repeated} of {seen.records} records repeat another, and are not paid for")
    return found


def _check_folder(path: Path, oracle: OracleInfo, model: ModelInfo) -> None:
    """Checks that a folder becomes one file, and of pictures that this file is not too large: it holds all of them.

    Raises:
        OfferRefused: It would not be sold.
    """
    try:
        files = files_of(path)
    except UsageError as error:
        raise OfferRefused("not_packed", error.message, hint=error.hint) from None
    if suffix_for(files) == ARCHIVE:
        check_size(path.name, sum(file.stat().st_size for file in files), oracle, model, chunk_size_for(model))
