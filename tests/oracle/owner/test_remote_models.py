"""Models behind a URL and in ONNX files answer as the same model in this process does."""

import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from assay_oracle.owner.load import load_model
from assay_oracle.owner.remote_models import HttpModel
from assay_pricing.errors import ModelError
from assay_pricing.surrogate.black_box import as_black_box
from tests.kit.black_boxes import SCHEMA, WEIGHTS, Handler, X, linear_onnx, softmax


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
@pytest.mark.parametrize(("path", "message"), [("/wrong", "got an array of shape"), ("/fails", "500")])
def test_an_endpoint_that_answers_otherwise_is_named(address: str, path: str, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        HttpModel(address + path)(X)


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
def test_a_file_that_is_no_onnx_model_is_named(tmp_path: Path) -> None:
    path = tmp_path / "broken.onnx"
    path.write_bytes(b"not a model")
    with pytest.raises(ModelError, match="expected an ONNX model in"):
        load_model(str(path))
