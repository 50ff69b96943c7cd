"""One order as the buyer sees it, and the name of the file that comes of it."""

from dataclasses import dataclass, field
from pathlib import Path

from assay.errors import AssayError
from assay.protocol.structs import Order, Status

SUFFIXES = {b"PAR1": ".parquet", b"PK\x03\x04": ".npz"}
"""Suffix of an opened file by its first four bytes."""
DEFAULT_SUFFIX = ".csv"


@dataclass
class Purchase:
    """One order as the buyer sees it.

    Attributes:
        file: The opened file, once it is on disk.
        note: What the order waits for, or what is wrong with it.
        error: Why this call could not do what was due.
        gas: Gas that this call spent, by the contract's function.
    """

    order: Order
    status: Status
    deadline: int
    file: Path | None = None
    note: str = ""
    error: AssayError | None = None
    gas: dict[str, int] = field(default_factory=dict)


def suffix_of(path: Path) -> str:
    """Suffix of the file at ``path`` by its first four bytes."""
    with path.open("rb") as file:
        start = file.read(4)
    return SUFFIXES.get(start, DEFAULT_SUFFIX)
