"""Models behind an HTTP endpoint or in an ONNX file, as callables for ``assay_pricing.black_box``.

Their input is a data frame with the owner's columns; pictures are one array (n, height, width, ...).

A request to the endpoint is ``POST {"columns": [names], "rows": [[values], ...]}``. Its answer is either
``{"probabilities": [[...], ...]}`` (n, k) or ``{"labels": [...]}`` (n,). The probabilities are in the order of
``"classes": [names]`` in the same answer, or, without it, in the order of the schema's classes. A row of probabilities
may also be an object, ``{class: probability}``.
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from assay_oracle.owner.onnx_labels import class_labels
from assay_pricing.black_box.answers import Answers, Refused, unpack
from assay_pricing.errors import ModelError

if TYPE_CHECKING:
    import httpx

_TIMEOUT = 60.0
"""Seconds for one request by default."""
_ROWS = 512
"""Rows in one request."""
_MAX_ANSWER = 64 * 2**20
"""Bytes in one answer."""
_MAX_REASON = 300
"""Characters of the server's reason for a refusal that an error repeats."""


class HttpModel:
    """A model behind a URL.

    Args:
        url: The endpoint.
        client: HTTP client; a new one if None.
        timeout: Seconds of the new client for one request; 0 for any number, None for 60.
    """

    takes_names = True

    def __init__(self, url: str, client: "httpx.Client | None" = None, *, timeout: float | None = None) -> None:
        import httpx

        self.url = url
        self._client = client or httpx.Client(timeout=(_TIMEOUT if timeout is None else timeout) or None)

    def __call__(self, features: Any) -> Answers:
        """Answers for features (n, d): probabilities (n, k), or labels (n,).

        Raises:
            ModelError: The endpoint cannot be reached, or its answer is not as documented above.
            Refused: The endpoint answered with a status of 400 or more.
        """
        parts = [self._ask(features[i : i + _ROWS]) for i in range(0, len(features), _ROWS)]
        if any(part.classes != parts[0].classes for part in parts):
            raise ModelError(f"expected the same classes in every answer from {self.url}, got several")
        return replace(parts[0], values=np.concatenate([part.values for part in parts]))

    def _ask(self, features: Any) -> Answers:
        names, rows = _named_rows(features)
        response = self._post({"columns": names, "rows": rows})
        if len(response.content) > _MAX_ANSWER:
            raise ModelError(f"expected at most {_MAX_ANSWER} bytes from {self.url}, got {len(response.content)}")
        try:
            body = response.json()
            kind = "probabilities" if "probabilities" in body else "labels"
            found = unpack({name: body[name] for name in (kind, "classes") if name == kind or name in body}, len(rows))
        except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError):
            raise ModelError(
                f'expected {{"probabilities": [[...]]}} or {{"labels": [...]}} from {self.url}, got something else'
            ) from None
        if len(found) != len(rows) or found.values.ndim != (1 if kind == "labels" else 2):
            raise ModelError(f"expected {len(rows)} {kind} from {self.url}, got an array of shape {found.values.shape}")
        return found

    def _post(self, question: dict[str, Any]) -> "httpx.Response":
        import httpx

        try:
            response = self._client.post(self.url, json=question)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ModelError(
                f"expected an answer from {self.url}, got: {error or type(error).__name__}",
                hint="give it more time: --model-timeout SECONDS"
                if isinstance(error, httpx.ReadTimeout)
                else "start the server, or correct the URL",
            ) from None
        if not response.is_success:
            reason = response.text[:_MAX_REASON].strip() or "no reason"
            raise Refused(f"{self.url} answered {response.status_code} {response.reason_phrase}: {reason}")
        return response


class OnnxModel:
    """A model in an ONNX file, run by onnxruntime on one thread of the CPU.

    The model has one input for all features (n, d), or one input per column, by its name. Its answer is the first
    output with two dimensions (probabilities or logits), or else the first output (labels or values). The order of the
    classes is that of the answer, where it names them, or of the ``classlabels`` in the file.

    Args:
        path: The file.

    Raises:
        ModelError: onnxruntime is not installed, or the file is not an ONNX model.
    """

    takes_names = True

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
            content = path.read_bytes()
            self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's errors have no other base class in common
            raise ModelError(f"expected an ONNX model in {path}: {str(error).splitlines()[0]}") from None
        self._classes = class_labels(content)

    def __call__(self, features: Any) -> Answers:
        """Answers for features (n, d): probabilities or logits (n, k), or labels or values (n,).

        Raises:
            ModelError: The model has inputs that are no columns.
            Refused: The model refuses these features.
        """
        inputs = self._inputs(features)
        try:
            outputs = self._session.run(None, inputs)
        except Exception as error:  # as above
            raise Refused(f"the ONNX model: {str(error).splitlines()[0]}") from None
        found = [unpack(output, len(features)) for output in outputs]
        answers = next((one for one in found if one.values.ndim == 2), found[0])
        if answers.classes is None and answers.values.ndim == 2 and answers.values.shape[1] == len(self._classes):
            return Answers(answers.values, self._classes)
        return answers

    def _inputs(self, features: Any) -> dict[str, npt.NDArray[Any]]:
        wanted = self._session.get_inputs()
        names = list(getattr(features, "columns", ()))
        if len(wanted) == 1 and not (wanted[0].name in names and len(names) > 1 and wanted[0].shape[1:] in ([], [1])):
            return {wanted[0].name: _cast(features, wanted[0].type)}
        missing = [entry.name for entry in wanted if entry.name not in names]
        if missing:
            raise ModelError(
                f"expected the model's inputs among the columns {', '.join(names)}, missing {', '.join(missing)}",
                hint="name the columns of the data as the inputs of the model",
            )
        columns = {entry.name: _cast(features[entry.name], entry.type) for entry in wanted}
        return {entry.name: columns[entry.name].reshape(_open(entry.shape)) for entry in wanted}


_DTYPES: dict[str, Any] = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(float16)": np.float16,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(bool)": np.bool_,
    "tensor(string)": object,
}


def _cast(features: Any, kind: str) -> npt.NDArray[Any]:
    dtype = _DTYPES.get(kind, np.float32)
    try:
        found = np.asarray(features, dtype=dtype)
    except (TypeError, ValueError) as error:
        raise Refused(f"its input takes {kind}: {error}") from None
    return found if dtype is not object else np.array([_text(v) for v in found.flat], object).reshape(found.shape)


def _text(value: Any) -> str:
    """As a column of text holds a value: a whole number without a fraction."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else "" if value is None else str(value)


def _open(shape: list[Any]) -> tuple[int, ...]:
    """One column's shape: (n, 1), or (n,) for an input of one dimension."""
    return (-1,) if len(shape) == 1 else (-1, 1)


def _named_rows(features: Any) -> tuple[list[str], list[list[Any]]]:
    if hasattr(features, "columns"):
        return list(features.columns), features.astype(object).to_numpy().tolist()
    flat = np.asarray(features).reshape(len(features), -1)
    return [f"x{j}" for j in range(flat.shape[1])], flat.tolist()
