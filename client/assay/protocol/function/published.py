"""What is published of a price function, and how its hash on chain commits to it.

    function hash = SHA-256(SHA-256(published) || remainder)

``published`` is the canonical JSON of the fields in ``PUBLISHED``, with the values that ``ModelInfo`` has; of a price
from sums, ``sums`` says how these are computed. ``remainder`` is a digest of everything else, which stays secret.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

from assay.protocol.function.canonical import canonical_json

REFUSAL = "refused.txt"
"""In the folder of a price function: why no oracle prices by it. Of one that prices there is no such file."""
PUBLISHED = ("schema", "metric", "pricing", "method", "fidelity", "price_cap", "price_grid", "sums")


def function_hash(published: Mapping[str, Any], remainder: bytes) -> bytes:
    """The hash of a price function: 32 bytes.

    Args:
        published: JSON values by name; others than those in ``PUBLISHED`` do not count.
        remainder: Digest of what is not published, 32 bytes.

    Raises:
        ValueError: A value is not JSON, or a number is not finite.
    """
    content = canonical_json({name: published[name] for name in PUBLISHED})
    return hashlib.sha256(hashlib.sha256(content).digest() + remainder).digest()
