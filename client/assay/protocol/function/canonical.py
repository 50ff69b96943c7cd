"""Canonical JSON, which can be hashed: sorted keys, no spaces, UTF-8, shortest floats. After RFC 8785."""

import json
import math
from typing import Any


def canonical_json(value: Any, *, decimals: int | None = None) -> bytes:
    """The canonical form of a JSON value; tuples are written as lists, bytes as 0x-prefixed hexadecimal text.

    Args:
        value: The value.
        decimals: Decimals to which floats are rounded first, so that the last bits of a computation do not change a
            digest; None for no rounding.

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
