"""Models behind a URL and in ONNX files answer as the same model in this process does."""

import json
import struct
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from assay.protocol.schema import Feature, Schema
from assay_oracle.cli.pricing import load_model
from assay_oracle.owner.remote_models import HttpModel
from assay_pricing.errors import ModelError
from assay_pricing.surrogate.black_box import as_black_box

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


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def expected():
    return as_black_box(lambda x: softmax(x @ WEIGHTS), SCHEMA).predict(X)


@pytest.mark.integration
def test_an_endpoint_gives_probabilities(address: str) -> None:
    found = as_black_box(load_model(f"{address}/probabilities"), SCHEMA).predict(X)
    np.testing.assert_allclose(found.probabilities, expected().probabilities, atol=1e-6)


@pytest.mark.integration
def test_an_endpoint_gives_labels_alone(address: str) -> None:
    found = as_black_box(HttpModel(f"{address}/labels"), SCHEMA).predict(X)
    assert found.probabilities is None
    np.testing.assert_array_equal(found.labels, expected().labels)


@pytest.mark.integration
@pytest.mark.parametrize(("path", "said"), [("/wrong", "got an array of shape"), ("/fails", "500")])
def test_an_endpoint_that_answers_otherwise_is_named(address: str, path: str, said: str) -> None:
    with pytest.raises(ModelError, match=said):
        HttpModel(address + path)(X)


@pytest.mark.integration
def test_an_endpoint_that_is_not_there_is_named() -> None:
    with pytest.raises(ModelError, match=r"expected an answer from http://127\.0\.0\.1:9"):
        HttpModel("http://127.0.0.1:9")(X)


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


@pytest.mark.unit
def test_an_onnx_file_answers(tmp_path: Path) -> None:
    path = tmp_path / "linear.onnx"
    path.write_bytes(linear_onnx())
    found = as_black_box(load_model(str(path)), SCHEMA).predict(X)
    np.testing.assert_allclose(found.probabilities, expected().probabilities, atol=1e-5)


@pytest.mark.unit
def test_a_file_that_is_no_onnx_model_is_named(tmp_path: Path) -> None:
    path = tmp_path / "broken.onnx"
    path.write_bytes(b"not a model")
    with pytest.raises(ModelError, match="expected an ONNX model in"):
        load_model(str(path))
