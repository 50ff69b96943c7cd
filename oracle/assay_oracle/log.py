"""JSON lines on stderr. What is logged is named here and there: never keys, data, or whole offer ids.

An offer's id is the right to read its state, so that it is cut to what tells two offers apart.
"""

import json
import logging
import sys
import time
import traceback

_FIELD = "assay"


class JsonFormatter(logging.Formatter):
    """One JSON object a line. Of an exception, its type and where it happened: its text might quote data."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        fields: dict[str, object] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created)),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, _FIELD, {}),
        }
        if record.exc_info and record.exc_info[0]:
            fields["error"] = record.exc_info[0].__name__
            frames = traceback.extract_tb(record.exc_info[2])
            fields["at"] = [f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno} {frame.name}" for frame in frames[-6:]]
        return json.dumps(fields)


def set_up(level: str = "info") -> None:
    """Sends everything to stderr as JSON."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in ("uvicorn.access", "urllib3", "web3"):
        logging.getLogger(name).setLevel(logging.WARNING)


def about(**fields: object) -> dict[str, dict[str, object]]:
    """``extra`` of a log call: bytes are cut to their first four, in hex."""
    return {_FIELD: {k: "0x" + v[:4].hex() + "…" if isinstance(v, bytes) else v for k, v in fields.items()}}
