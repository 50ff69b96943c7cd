"""The owner's model by name: ``module:name``, an HTTP endpoint, or an ONNX file."""

import importlib
import inspect
import sys
from pathlib import Path
from typing import Any

from assay_pricing.errors import ModelError


def load_model(name: str) -> Any:
    """The black box that a name stands for: a URL, an ONNX file, or ``module:name``.

    Raises:
        ModelError: There is no such model.
    """
    if name.startswith(("http://", "https://")):
        from assay_oracle.owner.remote_models import HttpModel

        return HttpModel(name)
    if name.endswith(".onnx"):
        from assay_oracle.owner.remote_models import OnnxModel

        return OnnxModel(Path(name))
    return load_object(name)


def load_object(name: str) -> Any:
    """The object that ``module:name`` names; a function without parameters is called for it.

    Raises:
        ModelError: There is no such module or name, or importing it failed.
    """
    module_name, _, attribute = name.partition(":")
    if not module_name or not attribute:
        raise ModelError(
            f"expected MODULE:NAME, got {name!r}",
            hint="for example mymodel:predict, http://127.0.0.1:8000/predict or model.onnx",
        )
    folder = str(Path.cwd())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        found: Any = importlib.import_module(module_name)
        for part in attribute.split("."):
            found = getattr(found, part)
    except ImportError as error:
        raise ModelError(f"expected a module {module_name!r}, got: {error}", hint=f"looked in {folder} first") from None
    except AttributeError:
        raise ModelError(f"expected {attribute!r} in module {module_name!r}, it is not there") from None
    except Exception as error:
        raise ModelError(f"importing {module_name!r} failed: {type(error).__name__}: {error}") from error
    if not _is_factory(found):
        return found
    try:
        return found()
    except Exception as error:
        raise ModelError(f"{name} failed to make a model: {type(error).__name__}: {error}") from error


def _is_factory(found: Any) -> bool:
    if not callable(found) or hasattr(found, "predict") or hasattr(found, "forward"):
        return False
    try:
        return not inspect.signature(found).parameters
    except (TypeError, ValueError):
        return False
