"""The owner's model by name: ``module:name``, an HTTP endpoint, or an ONNX file."""

import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from assay_pricing.errors import ModelError

_PICKLES = (".joblib", ".pkl", ".pickle", ".sav", ".pt", ".pth", ".h5", ".keras", ".txt", ".json", ".ubj", ".cbm")
_EXAMPLES = "for example mymodel:predict, http://127.0.0.1:8000/predict or model.onnx"


def check_name(name: str) -> None:
    """Checks what can be told of a model's name before anything is imported.

    Raises:
        ModelError: It has no form of a name, or names a file or a module that is not there.
    """
    if name.startswith(("http://", "https://")):
        return
    if name.endswith(".onnx"):
        if not Path(name).is_file():
            raise ModelError(f"expected an ONNX model in {name}, there is no such file")
        return
    module, _, attribute = name.partition(":")
    path = Path(name)
    if path.suffix in _PICKLES or (not attribute and path.is_file() and path.suffix != ".py"):
        raise ModelError(
            f"expected MODULE:NAME, a URL or an ONNX file, got the file {name!r}",
            hint="write a module mymodel.py that loads it, for example `import joblib; "
            f"model = joblib.load({path.name!r})`, and give --model mymodel:model",
        )
    if path.suffix == ".py" or module.endswith(".py"):
        module = Path(module).stem
        raise ModelError(
            f"expected MODULE:NAME, got the file {name!r}",
            hint=f"in the module's folder, for example --model {module}:{attribute or 'model'}",
        )
    if not module or not attribute:
        raise ModelError(f"expected MODULE:NAME, got {name!r}", hint=_EXAMPLES)
    _search_here()
    try:
        found = importlib.util.find_spec(module)
    except (ImportError, ValueError) as error:
        raise _no_module(module, str(error)) from None
    if found is None:
        raise _no_module(module, f"No module named {module!r}")


def load_model(name: str, *, timeout: float | None = None) -> Any:
    """The black box that a name stands for: a URL, an ONNX file, or ``module:name``.

    Args:
        name: The model's.
        timeout: Seconds for one request to a URL, 0 for any number; None for the usual limit.

    Raises:
        ModelError: There is no such model.
    """
    if name.startswith(("http://", "https://")):
        from assay_oracle.owner.remote_models import HttpModel

        return HttpModel(name, timeout=timeout)
    if name.endswith(".onnx"):
        from assay_oracle.owner.remote_models import OnnxModel

        return OnnxModel(Path(name))
    return load_object(name)


def load_function(name: str) -> Callable[..., Any]:
    """The function that ``module:name`` names, as ``--train`` does; it is not called.

    Raises:
        ModelError: There is no such module or name, importing it failed, or it cannot be called.
    """
    found = _named(name)
    if not callable(found):
        raise ModelError(
            f"expected a function {name}, got {type(found).__name__}",
            hint="a function from inputs and labels to a model: def train(inputs, labels): return Model().fit(...)",
        )
    function: Callable[..., Any] = found
    return function


def load_object(name: str) -> Any:
    """The object that ``module:name`` names; a function without parameters is called for it.

    Raises:
        ModelError: There is no such module or name, or importing it failed.
    """
    found = _named(name)
    if not _is_factory(found):
        return found
    try:
        return found()
    except (Exception, SystemExit) as error:
        raise ModelError(f"{name} failed to make a model: {type(error).__name__}: {error}") from error


def _named(name: str) -> Any:
    module_name, _, attribute = name.partition(":")
    _search_here()
    try:
        found: Any = importlib.import_module(module_name)
        for part in attribute.split("."):
            found = getattr(found, part)
    except ImportError as error:
        raise _no_module(module_name, str(error)) from None
    except AttributeError:
        raise ModelError(f"expected {attribute!r} in module {module_name!r}, it is not there") from None
    except (Exception, SystemExit) as error:
        raise ModelError(f"importing {module_name!r} failed: {type(error).__name__}: {error}") from error
    return found


def stated_classes(name: str) -> tuple[str, ...]:
    """The attribute ``CLASSES`` of a model's module: its classes in the order of its outputs; () if there is none.

    Raises:
        ModelError: It is no list of names.
    """
    module = sys.modules.get(name.partition(":")[0])
    found = getattr(module, "CLASSES", ()) if module else ()
    if isinstance(found, str) or not isinstance(found, Iterable):
        raise ModelError(f"expected CLASSES in {name.partition(':')[0]!r} to be a list of names, got {found!r}")
    return tuple(str(one) for one in found)


def _search_here() -> None:
    folder = str(Path.cwd())
    if folder not in sys.path:
        sys.path.insert(0, folder)


def _no_module(name: str, reason: str) -> ModelError:
    return ModelError(f"expected a module {name!r}, got: {reason}", hint=f"looked in {Path.cwd()} first")


def _is_factory(found: Any) -> bool:
    if not callable(found) or hasattr(found, "predict") or hasattr(found, "forward"):
        return False
    try:
        return not inspect.signature(found).parameters
    except (TypeError, ValueError):
        return False
