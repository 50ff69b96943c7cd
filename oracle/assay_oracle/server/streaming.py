"""A blob as an HTTP response, whole or from one byte range on (RFC 9110, section 14)."""

import hashlib
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import BinaryIO

from fastapi.responses import StreamingResponse

from assay_oracle.errors import RangeInvalid

PIECE_BYTES = 2**16
_TAGGED_BYTES = 1024
_RANGE = re.compile(r"bytes=(\d{1,15})-(\d{0,15})")


def stream(
    opened: Callable[[], AbstractContextManager[BinaryIO]], size: int, *, span: str | None, if_range: str | None
) -> StreamingResponse:
    """Answers with the bytes of a blob.

    Args:
        opened: Opens the blob, seekable.
        size: Its length in bytes.
        span: Value of the ``Range`` header: one range, ``bytes=FIRST-`` or ``bytes=FIRST-LAST``.
        if_range: Value of the ``If-Range`` header: with another tag than the blob's the range is ignored.

    Raises:
        RangeInvalid: The header names no such range.
    """
    start, end = _parsed(span, size)
    tag = _tag(opened, size)
    partial = span is not None and if_range in (None, tag)
    if not partial:
        start, end = 0, size
    headers = {"Accept-Ranges": "bytes", "Content-Length": str(end - start), "ETag": tag}
    if partial:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    return StreamingResponse(
        _pieces(opened, start, end),
        status_code=206 if partial else 200,
        headers=headers,
        media_type="application/octet-stream",
    )


def _parsed(span: str | None, size: int) -> tuple[int, int]:
    """First byte, and the byte after the last."""
    asked = _RANGE.fullmatch(span if span is not None else "bytes=0-")
    start, last = (int(asked[1]), int(asked[2] or size)) if asked else (size, 0)
    if start >= size or last < start:
        raise RangeInvalid(
            f"expected one range of bytes from 0 to {size - 1}, as bytes=FIRST-, got {span!r}",
            hint="ask for the bytes that are missing; without a Range header the whole file is sent",
        )
    return start, min(last + 1, size)


def _tag(opened: Callable[[], AbstractContextManager[BinaryIO]], size: int) -> str:
    """Entity tag: an age envelope begins with key material that no other envelope has."""
    with opened() as blob:
        return f'"{hashlib.sha256(blob.read(_TAGGED_BYTES)).hexdigest()[:32]}-{size}"'


def _pieces(opened: Callable[[], AbstractContextManager[BinaryIO]], start: int, end: int) -> Iterator[bytes]:
    with opened() as blob:
        blob.seek(start)
        while start < end:
            piece = blob.read(min(PIECE_BYTES, end - start))
            if not piece:
                return
            start += len(piece)
            yield piece
