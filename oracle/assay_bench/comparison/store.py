"""Units of a run, and their results on disk: one JSON file for each approach, size and seed."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from assay.files import write_whole
from assay_bench.comparison.approaches import module_of
from assay_bench.comparison.figures import Row
from assay_bench.comparison.trade import Gains
from assay_bench.pricing.fingerprint import source_hash

_TRUTH = "assay_bench.comparison.trade"
T = TypeVar("T", bound=BaseModel)


@dataclass(frozen=True, order=True)
class Unit:
    """One approach on one draw of the trade; no approach for the draw's true gains."""

    approach: str
    size: str
    seed: int

    @property
    def file(self) -> str:
        """Name of the file that stores its result."""
        return f"{self.approach or 'true-gains'}.{self.size}.{self.seed}.json"

    @property
    def fingerprint(self) -> str:
        """Of the code that computes it: a result of other code is computed again."""
        return source_hash((module_of(self.approach) if self.approach else _TRUTH,))


class Store:
    """Results in a folder. A file holds ``{"fingerprint": ..., "seconds": ..., "result": {...}}``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def row(self, unit: Unit) -> Row | None:
        """A stored row; None without one, for one of other code, and for a damaged file."""
        return self._read(unit, Row)

    def gains(self, unit: Unit) -> Gains | None:
        """Stored true gains of the unit's draw; None as for a row."""
        return self._read(Unit("", unit.size, unit.seed), Gains)

    def seconds(self, unit: Unit) -> float:
        """Processor time that a stored result took; 0 without one."""
        stored = self._stored(unit)
        return float(stored["seconds"]) if stored else 0.0

    def write(self, unit: Unit, result: Row | Gains, seconds: float) -> None:
        """Stores a result and the processor time that it took; after a crash the file is complete or absent."""
        self.folder.mkdir(parents=True, exist_ok=True)
        stored = {"fingerprint": unit.fingerprint, "seconds": round(seconds, 2), "result": result.model_dump()}
        write_whole(self.folder / unit.file, (json.dumps(stored, indent=1) + "\n").encode(), mode=0o644)

    def _read(self, unit: Unit, kind: type[T]) -> T | None:
        stored = self._stored(unit)
        try:
            return kind.model_validate(stored["result"]) if stored else None
        except ValueError:
            return None

    def _stored(self, unit: Unit) -> dict[str, Any] | None:
        try:
            stored: dict[str, Any] = json.loads((self.folder / unit.file).read_bytes())
            return (
                stored if stored["fingerprint"] == unit.fingerprint and {"seconds", "result"} <= set(stored) else None
            )
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None
