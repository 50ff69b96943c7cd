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
    """Answers ``/probabilities``, ``/labels``, ``/named`` (probabilities in another order, with the classes' names),
    ``/by-class`` (an object for each row), ``/by-column`` (by the names of the columns) and ``/wrong`` (another shape);
    any other path fails.
    """

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        names, turned = asked["columns"], [2, 0, 1]
        order = [names.index(name) for name in ("a", "b")] if self.path == "/by-column" else [0, 1]
        scores = softmax(np.array(asked["rows"])[:, order] @ WEIGHTS)
        answers = {
            "/by-column": {"probabilities": scores.tolist()},
            "/named": {
                "probabilities": scores[:, turned].tolist(),
                "classes": [SCHEMA.classes[i] for i in turned],
            },
            "/by-class": {"probabilities": [{SCHEMA.classes[i]: row[i] for i in turned} for row in scores.tolist()]},
            "/probabilities": {"probabilities": scores.tolist()},
            "/labels": {"labels": [SCHEMA.classes[i] for i in scores.argmax(1)]},
            "/wrong": {"labels": [[1]]},
        }
        failure = {"error": f"no model for {names}"}
        told = json.dumps(answers.get(self.path, failure)).encode()
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


def value(name: str, columns: int, kind: int = 1) -> bytes:
    """An input or output (n, columns): of floats, or for kind 8 of strings."""
    shape = field(1, field(2, "n")) + field(1, field(1, columns))
    return field(1, name) + field(2, field(1, field(1, kind) + field(2, shape)))


def tensor(name: str, content: np.ndarray) -> bytes:
    """A constant (rows, columns) of floats."""
    rows, columns = content.shape
    raw = content.astype("<f4").tobytes()
    return field(1, rows) + field(1, columns) + field(2, 1) + field(8, name) + field(9, raw)


def node(kind: str, inputs: list[str], outputs: list[str], *attributes: bytes, domain: str = "") -> bytes:
    """One operation."""
    named = b"".join(field(1, name) for name in inputs) + b"".join(field(2, name) for name in outputs)
    return named + field(4, kind) + b"".join(field(5, one) for one in attributes) + field(7, domain)


def strings(name: str, values: list[str]) -> bytes:
    """An attribute that is a list of strings."""
    return field(1, name) + b"".join(field(9, text) for text in values) + field(20, 8)


def floats(name: str, values: list[float]) -> bytes:
    """An attribute that is a list of numbers."""
    return field(1, name) + b"".join(varint(7 << 3 | 5) + struct.pack("<f", number) for number in values) + field(20, 6)


def onnx(nodes: list[bytes], constants: list[bytes], inputs: list[bytes], outputs: list[bytes]) -> bytes:
    """A model: IR version 8, operator sets 13 and, for machine learning, 2."""
    graph = b"".join(field(1, one) for one in nodes) + field(2, "linear")
    graph += b"".join(field(5, one) for one in constants)
    graph += b"".join(field(11, one) for one in inputs) + b"".join(field(12, one) for one in outputs)
    sets = field(8, field(1, "") + field(2, 13)) + field(8, field(1, "ai.onnx.ml") + field(2, 2))
    return field(1, 8) + field(7, graph) + sets


def linear_onnx() -> bytes:
    """``scores = features @ WEIGHTS``."""
    product = node("MatMul", ["features", "weights"], ["scores"])
    return onnx([product], [tensor("weights", WEIGHTS)], [value("features", 2)], [value("scores", 3)])


def columns_onnx() -> bytes:
    """The same from one input for each column, ``b`` before ``a``, where ``a`` is text that spells the number."""
    ml, texts = "ai.onnx.ml", ["-1", "0", "1"]
    known = strings("keys_strings", texts), floats("values_floats", [float(text) for text in texts])
    nodes = [
        node("LabelEncoder", ["a"], ["number"], *known, domain=ml),
        node("MatMul", ["number", "first"], ["one"]),
        node("MatMul", ["b", "second"], ["two"]),
        node("Add", ["one", "two"], ["scores"]),
    ]
    constants = [tensor("first", WEIGHTS[:1]), tensor("second", WEIGHTS[1:])]
    return onnx(nodes, constants, [value("b", 1), value("a", 1, kind=8)], [value("scores", 3)])


def classifier_onnx(order: list[int]) -> bytes:
    """The same as a classifier that names its classes, in an order of its own."""
    attributes = [
        floats("coefficients", WEIGHTS[:, order].T.ravel().tolist()),
        floats("intercepts", [0.0, 0.0, 0.0]),
        strings("classlabels_strings", [SCHEMA.classes[i] for i in order]),
        field(1, "post_transform") + field(4, "SOFTMAX") + field(20, 3),
    ]
    outputs = [field(1, "label") + field(2, field(1, field(1, 8))), value("probabilities", 3)]
    classifier = node("LinearClassifier", ["x"], ["label", "probabilities"], *attributes, domain="ai.onnx.ml")
    return onnx([classifier], [], [value("x", 2)], outputs)
