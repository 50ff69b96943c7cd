"""JSON lines on stderr. A log call names each field that it writes: never keys, tokens, data, or whole ids.

An id is cut to four bytes, which distinguish two offers.
"""

import json
import logging
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_FIELD = "assay"
_subject: ContextVar[dict[str, object]] = ContextVar("subject", default={})  # noqa: B039  # never changed in place


class JsonFormatter(logging.Formatter):
    """One JSON object per line. Of an exception it has type and frames; its text is left out, as it may quote data."""

    def format(self, record: logging.LogRecord) -> str:
        """One record as JSON."""
        fields: dict[str, object] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created)),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_subject.get(),
            **getattr(record, _FIELD, {}),
        }
        if record.exc_info and record.exc_info[0]:
            fields["error"] = record.exc_info[0].__name__
            frames = traceback.extract_tb(record.exc_info[2])
            fields["at"] = [f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno} {frame.name}" for frame in frames[-6:]]
        return json.dumps(fields)


def set_up(level: str = "info") -> None:
    """Sends all log records to stderr as JSON."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in ("uvicorn.access", "urllib3", "web3", "httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)


@contextmanager
def following(**fields: object) -> Iterator[None]:
    """Adds fields to every record that is logged in the context, by any code: the offer or the request it is about.

    Byte strings are cut as by ``about``. A field of ``about`` wins over one of the context.
    """
    token = _subject.set(_subject.get() | about(**fields)[_FIELD])
    try:
        yield
    finally:
        _subject.reset(token)


def about(**fields: object) -> dict[str, dict[str, object]]:
    """``extra`` of a log call: byte strings are cut to their first four bytes, in hex."""
    return {_FIELD: {k: "0x" + v[:4].hex() + "…" if isinstance(v, bytes) else v for k, v in fields.items()}}
