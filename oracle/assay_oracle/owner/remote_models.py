"""Models that live elsewhere: an HTTP endpoint or an ONNX file, as callables that ``pricing.blackbox`` takes.

They see features as any callable does: a float32 array (n, d), or a data frame where the schema has text.

The endpoint is asked with ``POST`` and ``{"columns": [names], "rows": [[values], ...]}`` and answers with either
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

_TIMEOUT = 60.0  # seconds for one request
_ROWS = 512  # of one request
_MAX_ANSWER = 64 * 2**20  # bytes


class HttpModel:
    """A model behind a URL.

    Args:
        url: Where to post.
        client: How; a client of our own where none is given.
    """

    def __init__(self, url: str, client: "httpx.Client | None" = None) -> None:
        import httpx

        self.url = url
        self._client = client or httpx.Client(timeout=_TIMEOUT)

    def __call__(self, features: Any) -> npt.NDArray[Any]:
        """Answers for features (n, d): probabilities (n, k), or labels (n,).

        Raises:
            ModelError: The endpoint cannot be reached, or does not answer as said above.
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
            told = response.json()
            answer = told["probabilities"] if "probabilities" in told else told["labels"]
            found = np.asarray(answer)
        except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError, ValueError):
            raise ModelError(
                f'expected {{"probabilities": [[...]]}} or {{"labels": [...]}} from {self.url}, got something else'
            ) from None
        if len(found) != len(rows) or found.ndim != (2 if "probabilities" in told else 1):
            raise ModelError(f"expected {len(rows)} answers from {self.url}, got an array of shape {found.shape}")
        return found


class OnnxModel:
    """A model in an ONNX file, run by onnxruntime on one thread of the CPU.

    Its one input takes features (n, d); or it has one input per column. Of its outputs the first of two dimensions
    counts (probabilities or logits), else the first (labels or values).

    Args:
        path: The file.

    Raises:
        ModelError: onnxruntime is not installed, or the file is no ONNX model.
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
        except Exception as error:  # onnxruntime's errors share no other base
            raise ModelError(f"expected an ONNX model in {path}: {str(error).splitlines()[0]}") from None

    def __call__(self, features: Any) -> npt.NDArray[Any]:
        """Answers for features (n, d): probabilities or logits (n, k), or labels or values (n,).

        Raises:
            ModelError: The model does not take these features.
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
            raise ModelError(f"expected the model's inputs among the columns, it also wants {', '.join(missing)}")
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
    """An output as an array; converters of scikit-learn give a list of {class: probability}, in the classes' order."""
    if isinstance(output, list) and output and isinstance(output[0], dict):
        return np.array([list(row.values()) for row in output])
    return np.asarray(output)


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
