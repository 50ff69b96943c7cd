"""One linear model, behind a URL and as an ONNX file."""

import json
import struct
from http.server import BaseHTTPRequestHandler

import numpy as np

from assay.protocol.schema import Feature, Schema

WEIGHTS = np.array([[1.0, -1.0, 0.5], [0.25, 2.0, -1.5]], dtype=np.float32)
SCHEMA = Schema(
    task="classification", features=(Feature(name="a"), Feature(name="b")), label="y", classes=("low", "mid", "high")
)
X = np.random.default_rng(0).normal(size=(700, 2)).astype(np.float32)


def softmax(scores):
    raised = np.exp(scores - scores.max(1, keepdims=True))
    return raised / raised.sum(1, keepdims=True)


class Handler(BaseHTTPRequestHandler):
    """``/probabilities`` and ``/labels`` answer; ``/wrong`` answers something else; any other path fails."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        scores = softmax(np.array(asked["rows"]) @ WEIGHTS)
        answers = {
            "/probabilities": {"probabilities": scores.tolist()},
            "/labels": {"labels": [SCHEMA.classes[i] for i in scores.argmax(1)]},
            "/wrong": {"labels": [[1]]},
        }
        told = json.dumps(answers.get(self.path, {})).encode()
        self.send_response(200 if self.path in answers else 500)
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    def log_message(self, *args: object) -> None:
        """Says nothing."""


def field(number: int, content: bytes | int | str) -> bytes:
    """One field of a protocol buffer, for an ONNX file written by hand."""
    if isinstance(content, int):
        return varint(number << 3) + varint(content)
    raw = content.encode() if isinstance(content, str) else content
    return varint(number << 3 | 2) + varint(len(raw)) + raw


def varint(value: int) -> bytes:
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def linear_onnx() -> bytes:
    """``scores = features @ WEIGHTS`` in ONNX: IR version 8, operator set 13."""

    def value(name: str, columns: int) -> bytes:
        shape = field(1, field(2, "n")) + field(1, field(1, columns))
        return field(1, name) + field(2, field(1, field(1, 1) + field(2, shape)))

    raw = struct.pack("<6f", *WEIGHTS.ravel())
    weights = field(1, 2) + field(1, 3) + field(2, 1) + field(8, "weights") + field(9, raw)
    node = field(1, "features") + field(1, "weights") + field(2, "scores") + field(4, "MatMul")
    graph = field(1, node) + field(2, "linear") + field(5, weights)
    graph += field(11, value("features", 2)) + field(12, value("scores", 3))
    return field(1, 8) + field(7, graph) + field(8, field(1, "") + field(2, 13))
