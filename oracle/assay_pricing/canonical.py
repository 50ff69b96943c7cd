"""JSON with one spelling, so that it can be hashed: sorted keys, no spaces, UTF-8, shortest floats.

In the spirit of RFC 8785.
"""

import json
import math
from typing import Any


def canonical_json(value: Any, *, decimals: int | None = None) -> bytes:
    """The one spelling of a JSON value; tuples are lists, bytes are 0x-hex.

    Args:
        value: What to write.
        decimals: Round floats to so many decimals first, so that a computation's last bits do not change a digest.

    Raises:
        ValueError: A float is not finite.
    """
    text = json.dumps(
        _plain(value, decimals), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return text.encode()


def _plain(value: Any, decimals: int | None) -> Any:
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"expected a finite number, got {value}")
        rounded = value if decimals is None else round(value, decimals)
        return int(rounded) if rounded.is_integer() and abs(rounded) < 2**53 else rounded
    if isinstance(value, dict):
        return {key: _plain(item, decimals) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, decimals) for item in value]
    return value
