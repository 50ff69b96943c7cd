"""The results of earlier runs on disk, one JSON file for each unit."""

import json
from pathlib import Path

from assay.files import write_whole
from assay_bench.pricing.fingerprint import fingerprint
from assay_bench.pricing.results import Result, parse_result
from assay_bench.pricing.units import Unit


class ResultCache:
    """Results in a folder. A file holds ``{"fingerprint": ..., "result": {...}}``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self, unit: Unit) -> Result | None:
        """A unit's result; None without one, for one of other code, and for a damaged or altered file."""
        try:
            stored = json.loads((self.folder / unit.file).read_bytes())
            if stored["fingerprint"] != fingerprint(unit):
                return None
            return parse_result(unit.part, stored["result"])
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None

    def write(self, unit: Unit, result: Result) -> None:
        """Stores a result; after a crash the file is complete or absent."""
        self.folder.mkdir(parents=True, exist_ok=True)
        stored = {"fingerprint": fingerprint(unit), "result": result.model_dump(by_alias=True)}
        write_whole(self.folder / unit.file, json.dumps(stored).encode(), mode=0o644)
