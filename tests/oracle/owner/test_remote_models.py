"""Models behind a URL and in ONNX files answer as the same model in this process does."""

import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from assay.protocol.schema import Feature
from assay_oracle.owner.load import load_model
from assay_oracle.owner.onnx_labels import class_labels
from assay_oracle.owner.remote_models import HttpModel
from assay_pricing.black_box.wrap import as_black_box
from assay_pricing.errors import ModelError
from tests.kit.black_boxes import (
    SCHEMA,
    WEIGHTS,
    Handler,
    X,
    classifier_onnx,
    columns_onnx,
    linear_onnx,
    softmax,
)


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
@pytest.mark.parametrize("path", ["/named", "/by-class", "/by-column"])
def test_an_endpoint_gets_the_columns_names_and_may_name_the_classes(address: str, path: str) -> None:
    found = as_black_box(HttpModel(address + path), SCHEMA).predict(X)
    np.testing.assert_allclose(found.probabilities, expected().probabilities, atol=1e-6)


@pytest.mark.integration
@pytest.mark.parametrize(
    ("path", "message"), [("/wrong", "got an array of shape"), ("/fails", r"500 .*no model for \['a', 'b'\]")]
)
def test_an_endpoint_that_answers_otherwise_is_named_with_its_reason(address: str, path: str, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        as_black_box(HttpModel(address + path), SCHEMA).predict(X)


@pytest.mark.integration
def test_an_endpoint_that_is_not_there_is_named() -> None:
    with pytest.raises(ModelError, match=r"expected an answer from http://127\.0\.0\.1:9"):
        HttpModel("http://127.0.0.1:9")(X)


@pytest.mark.unit
def test_an_onnx_file_answers(tmp_path: Path) -> None:
    path = tmp_path / "linear.onnx"
    path.write_bytes(linear_onnx())
    found = as_black_box(load_model(str(path)), SCHEMA).predict(X)
    np.testing.assert_allclose(found.probabilities, expected().probabilities, atol=1e-5)


@pytest.mark.unit
@pytest.mark.parametrize("order", [[0, 1, 2], [2, 0, 1]])
def test_the_classes_of_an_onnx_classifier_are_in_its_own_order(order: list[int], tmp_path: Path) -> None:
    path = tmp_path / "classifier.onnx"
    path.write_bytes(classifier_onnx(order))
    found = as_black_box(load_model(str(path)), SCHEMA).predict(X)
    np.testing.assert_allclose(found.probabilities, expected().probabilities, atol=1e-5)


@pytest.mark.unit
def test_an_onnx_model_with_an_input_for_each_column_gets_them_by_name(tmp_path: Path) -> None:
    path = tmp_path / "columns.onnx"
    path.write_bytes(columns_onnx())
    x = np.round(X.clip(-1, 1))
    plain = as_black_box(lambda x: softmax(x @ WEIGHTS), SCHEMA).predict(x)
    text = Feature(name="a", kind="categorical", categories=("-1", "0", "1"))
    for first, given in ((SCHEMA.features[0], x), (text, x + np.array([1, 0], dtype=np.float32))):
        of = SCHEMA.model_copy(update={"features": (first, SCHEMA.features[1])})
        found = as_black_box(load_model(str(path)), of).predict(given)
        np.testing.assert_allclose(found.probabilities, plain.probabilities, atol=1e-5)
    other = SCHEMA.model_copy(update={"features": (Feature(name="c"), SCHEMA.features[1])})
    with pytest.raises(ModelError, match="inputs among the columns c, b, missing a"):
        as_black_box(load_model(str(path)), other).predict(x)


@pytest.mark.unit
@pytest.mark.parametrize("content", [b"", b"\xff" * 9, b"\x0a\x05abc", b"\x3a\x80"])
def test_bytes_that_are_no_protocol_buffer_name_no_classes(content: bytes) -> None:
    assert class_labels(content) == ()


@pytest.mark.unit
def test_a_file_that_is_no_onnx_model_is_named(tmp_path: Path) -> None:
    path = tmp_path / "broken.onnx"
    path.write_bytes(b"not a model")
    with pytest.raises(ModelError, match="expected an ONNX model in"):
        load_model(str(path))
