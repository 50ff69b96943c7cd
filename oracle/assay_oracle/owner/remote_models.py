"""Models behind an HTTP endpoint or in an ONNX file, as callables for ``assay_pricing.surrogate.black_box``.

Their input is that of any callable: a float32 array (n, d), or a data frame if the schema has categorical features.

A request to the endpoint is ``POST {"columns": [names], "rows": [[values], ...]}``. Its answer is either
``{"probabilities": [[...], ...]}`` (n, k), in the order of the schema's classes, or ``{"labels": [...]}`` (n,).
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from assay_pricing.errors import ModelError

if TYPE_CHECKING:
    import httpx

_TIMEOUT = 60.0
"""Seconds for one request."""
_ROWS = 512
"""Rows in one request."""
_MAX_ANSWER = 64 * 2**20
"""Bytes in one answer."""


class HttpModel:
    """A model behind a URL.

    Args:
        url: The endpoint.
        client: HTTP client; a new one with a timeout of 60 s if None.
    """

    def __init__(self, url: str, client: "httpx.Client | None" = None) -> None:
        import httpx

        self.url = url
        self._client = client or httpx.Client(timeout=_TIMEOUT)

    def __call__(self, features: Any) -> npt.NDArray[Any]:
        """Answers for features (n, d): probabilities (n, k), or labels (n,).

        Raises:
            ModelError: The endpoint cannot be reached, or its answer is not as documented above.
        """
        parts = [self._ask(features[i : i + _ROWS]) for i in range(0, len(features), _ROWS)]
        return np.concatenate(parts)

    def _ask(self, features: Any) -> npt.NDArray[Any]:
        import httpx

        if hasattr(features, "columns"):
            names, rows = list(features.columns), features.to_numpy(dtype=object).tolist()
        else:
            names, rows = [f"x{j}" for j in range(features.shape[1])], features.tolist()
        question = {"columns": names, "rows": [[_plain(value) for value in row] for row in rows]}
        try:
            response = self._client.post(self.url, json=question)
            response.raise_for_status()
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ModelError(f"expected an answer from {self.url}, got: {error or type(error).__name__}") from None
        if len(response.content) > _MAX_ANSWER:
            raise ModelError(f"expected at most {_MAX_ANSWER} bytes from {self.url}, got {len(response.content)}")
        try:
            body = response.json()
            found = np.asarray(body["probabilities"] if "probabilities" in body else body["labels"])
        except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError, ValueError):
            raise ModelError(
                f'expected {{"probabilities": [[...]]}} or {{"labels": [...]}} from {self.url}, got something else'
            ) from None
        if len(found) != len(rows) or found.ndim != (2 if "probabilities" in body else 1):
            raise ModelError(f"expected {len(rows)} answers from {self.url}, got an array of shape {found.shape}")
        return found


class OnnxModel:
    """A model in an ONNX file, run by onnxruntime on one thread of the CPU.

    The model has one input for all features (n, d), or one input per column. Its answer is the first output with two
    dimensions (probabilities or logits), or else the first output (labels or values).

    Args:
        path: The file.

    Raises:
        ModelError: onnxruntime is not installed, or the file is not an ONNX model.
    """

    def __init__(self, path: Path) -> None:
        try:
            import onnxruntime
        except ImportError:
            raise ModelError(
                "expected onnxruntime to run an ONNX model, it is not installed",
                hint="pip install 'assay[oracle,onnx]'",
            ) from None
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's errors have no other base class in common
            raise ModelError(f"expected an ONNX model in {path}: {str(error).splitlines()[0]}") from None

    def __call__(self, features: Any) -> npt.NDArray[Any]:
        """Answers for features (n, d): probabilities or logits (n, k), or labels or values (n,).

        Raises:
            ModelError: The model refuses these features.
        """
        try:
            outputs = self._session.run(None, self._inputs(features))
        except Exception as error:
            raise ModelError(f"the ONNX model failed: {str(error).splitlines()[0]}") from None
        arrays = [_probabilities(output) for output in outputs]
        return next((array for array in arrays if array.ndim == 2), arrays[0])

    def _inputs(self, features: Any) -> dict[str, npt.NDArray[Any]]:
        wanted = self._session.get_inputs()
        if len(wanted) == 1:
            return {wanted[0].name: np.asarray(features, dtype=_DTYPES.get(wanted[0].type, np.float32))}
        names = list(features.columns) if hasattr(features, "columns") else [f"x{j}" for j in range(features.shape[1])]
        columns = features.to_numpy(dtype=object) if hasattr(features, "columns") else np.asarray(features)
        missing = [entry.name for entry in wanted if entry.name not in names]
        if missing:
            raise ModelError(f"expected the model's inputs among the columns, missing {', '.join(missing)}")
        return {
            entry.name: columns[:, [names.index(entry.name)]].astype(_DTYPES.get(entry.type, np.float32))
            for entry in wanted
        }


_DTYPES: dict[str, Any] = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(int64)": np.int64,
    "tensor(string)": object,
}


def _probabilities(output: Any) -> npt.NDArray[Any]:
    """An output as an array; scikit-learn converters give a list of {class: probability} in the classes' order."""
    if isinstance(output, list) and output and isinstance(output[0], dict):
        return np.array([list(row.values()) for row in output])
    return np.asarray(output)


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
