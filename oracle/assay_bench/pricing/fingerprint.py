"""Fingerprint of the source code that a result depends on: a result of other code is computed again.

A part's code is the module that computes it, with every module of the benchmark and of the pricing that it imports,
directly or through others. What schedules, stores and reads results is among neither.
"""

import ast
import hashlib
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from types import ModuleType

import assay_bench
import assay_pricing
from assay_bench.pricing.parts import COMPUTE
from assay_bench.pricing.units import Part, Unit

_CASES = "assay_bench.pricing.cases"
_FORMS = ("pricing/results.py", "pricing/units.py")
"""Files of ``assay_bench`` that state the form of results, which is checked when one is read."""


def fingerprint(unit: Unit) -> str:
    """Hash of the code that computes a unit."""
    modules = [COMPUTE[unit.part].__module__]
    if unit.part is Part.CASE:
        modules.append(f"{_CASES}.{unit.data}")
    return source_hash(tuple(modules))


@lru_cache
def source_hash(modules: tuple[str, ...]) -> str:
    """First 16 hex digits of the SHA-256 of some modules and of what they import of the benchmark and the pricing."""
    digest = hashlib.sha256()
    for path in _sources(modules):
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


def _sources(modules: tuple[str, ...]) -> list[Path]:
    """The files of some modules and of what they import, in a fixed order."""
    forms = {_folder(assay_bench) / name for name in _FORMS}
    queue, found = list(modules), set[Path]()
    while queue:
        for path in _files(queue.pop()):
            if path not in found and path not in forms:
                found.add(path)
                queue += _imported(path)
    return sorted(found)


def _files(module: str) -> Iterator[Path]:
    """The file of a module; of a package all in its folder, which it may find by their names; none of other code."""
    package, *names = module.split(".")
    for root in (assay_bench, assay_pricing):
        if package == root.__name__:
            path = _folder(root).joinpath(*names)
            yield from [path.with_suffix(".py")] if path.with_suffix(".py").is_file() else sorted(path.glob("*.py"))


def _folder(package: ModuleType) -> Path:
    return Path(package.__file__ or "").parent


def _imported(path: Path) -> Iterator[str]:
    """Names of the modules that a file imports; of a package from which it imports modules, these alone."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name if any(_files(name)) else node.module for name in names)


def python_files(package: Path) -> list[Path]:
    """The Python files of a package, in a fixed order."""
    return sorted(package.rglob("*.py"))
