"""A network in an ONNX file, run by onnxruntime on one thread of the CPU, one record at a time.

A record alone in its batch, without padding: its features depend on no other record. Optimisations that depend on the
processor are off. What a file may take is bounded: its size, the memory of its tensors, and the time of one run.
"""

import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from assay_pricing.errors import EncoderError
from assay_pricing.records.quoting import first_line, listed

MAX_MODEL_BYTES = 2**30
"""Size of an ONNX file."""
MAX_TENSOR_BYTES = 2**31
"""Memory of the tensors of all networks together."""
RUN_SECONDS = 60.0
"""Time of one run."""
_OTHER_FILES = "session.model_external_initializers_file_folder_path"
"""Option of onnxruntime: the folder in which it looks for weights that are in other files, which no hash covers."""
_ONE_FILE = "write one file: torch.onnx.export(..., external_data=False)"
_INSTALL = "pip install 'assay[oracle,onnx]'"
_OUT_OF_MEMORY = ("Available memory of", "Failed to allocate memory", "bad allocation", "bad_alloc")
"""Of onnxruntime's messages."""


class Network:
    """One network.

    Args:
        content: Of the ONNX file.
        name: As messages call it.
        seconds: Time that one run may take.

    Raises:
        EncoderError: onnxruntime is not installed, or the content is no ONNX model, is too large, or has parts in other
            files.
    """

    def __init__(self, content: bytes, name: str, *, seconds: float = RUN_SECONDS) -> None:
        self._name = name
        self._seconds = seconds
        if len(content) > MAX_MODEL_BYTES:
            raise EncoderError(f"expected an ONNX file of at most {MAX_MODEL_BYTES} bytes, {name} has {len(content)}")
        self._runtime = onnxruntime = _onnxruntime()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4
        options.enable_mem_pattern = False  # it would keep a plan for each length of a text
        options.use_deterministic_compute = True
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
        options.add_session_config_entry("session.use_env_allocators", "1")
        options.add_session_config_entry(_OTHER_FILES, os.devnull)  # they would be looked for in the current folder
        with self._refusing("expected an ONNX model without parts in other files", _ONE_FILE):
            self._session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        self.inputs: dict[str, tuple[str, list[Any]]] = {i.name: (i.type, i.shape) for i in self._session.get_inputs()}
        """Type and shape of each input by its name, as onnxruntime writes them."""
        self._outputs = [output.name for output in self._session.get_outputs()]

    def check_output(self, name: str) -> None:
        """Checks the name of an output; the empty one is the first.

        Raises:
            EncoderError: There is none of this name.
        """
        if name and name not in self._outputs:
            raise EncoderError(f"expected an output {name!r} of {self._name}, it has {listed(self._outputs)}")

    def check_inputs(self, expected: Sequence[str], wanted: str) -> None:
        """Checks the names of the inputs.

        Args:
            expected: Names that there may be, the first of which there must be.
            wanted: What the declaration says, as messages write it.

        Raises:
            EncoderError: There are others, or the first is missing.
        """
        if expected[0] not in self.inputs or set(self.inputs) - set(expected):
            raise EncoderError(
                f"expected {wanted} ({listed(expected)}), {self._name} has inputs {listed(self.inputs)}",
                hint="declare how the network takes its input, or export it with these inputs",
            )

    def run(self, feed: Mapping[str, npt.NDArray[Any]], output: str = "") -> npt.NDArray[np.float64]:
        """An output for one record, in double precision.

        Raises:
            EncoderError: The network refuses the input, takes too long or too much memory, or its output is no number.
        """
        options = self._runtime.RunOptions()
        late = threading.Timer(self._seconds, setattr, [options, "terminate", True])
        late.daemon = True
        late.start()
        try:
            with self._refusing("expected an encoder that takes its declared input"):
                found = self._session.run([output or self._outputs[0]], dict(feed), options)[0]
        except EncoderError as error:
            if options.terminate:
                text = f"expected an encoder that takes at most {self._seconds:g} seconds for a record, {self._name} "
                raise EncoderError(f"{text}takes longer") from error
            raise
        finally:
            late.cancel()
        if not isinstance(found, np.ndarray) or found.dtype.kind not in "fiu":
            raise EncoderError(f"expected numbers from {self._name}, got another type")
        return found.astype(np.float64)

    @contextmanager
    def _refusing(self, expected: str, hint: str | None = None) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # onnxruntime's errors have no other base class in common
            if any(sign in str(error) for sign in _OUT_OF_MEMORY):
                limit = f"expected an encoder whose tensors take at most {MAX_TENSOR_BYTES} bytes"
                raise EncoderError(f"{limit}, {self._name} takes more") from None
            raise EncoderError(f"{expected}, got from {self._name}: {first_line(error)}", hint=hint) from None


@cache
def _onnxruntime() -> Any:
    """onnxruntime, with a bound on the memory of tensors."""
    try:
        import onnxruntime
    except ImportError:
        raise EncoderError("expected onnxruntime to run an encoder, it is not installed", hint=_INSTALL) from None
    onnxruntime.create_and_register_allocator(
        onnxruntime.OrtMemoryInfo(
            "Cpu", onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, onnxruntime.OrtMemType.DEFAULT
        ),
        onnxruntime.OrtArenaCfg({"max_mem": MAX_TENSOR_BYTES}),
    )
    return onnxruntime
