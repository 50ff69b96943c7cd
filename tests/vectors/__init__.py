"""Values that contract and client must both arrive at, written by `scripts/make_vectors.py`."""

import json
from pathlib import Path
from typing import Any


def vectors(name: str) -> list[dict[str, Any]]:
    """The vectors of one file, without its suffix."""
    loaded: list[dict[str, Any]] = json.loads((Path(__file__).parent / f"{name}.json").read_text())
    return loaded
