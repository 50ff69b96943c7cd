"""Fingerprint of the source code that a result depends on: a result of other code is computed again.

A part's code is the module that computes it, with every module of the benchmark that it imports, directly or through
others. What schedules, stores and reads results is among neither.
"""

import ast
import hashlib
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import assay_bench
import assay_pricing
from assay_bench.pricing.parts import COMPUTE
from assay_bench.pricing.units import Part, Unit

_CASES = "assay_bench.pricing.cases"
_FORMS = ("pricing/results.py", "pricing/units.py")
"""Files of ``assay_bench`` that state the form of results, which is checked when one is read."""


def fingerprint(unit: Unit) -> str:
    """Hash of the code that computes a unit.

    Where a module of ``assay_pricing`` is imported, the whole package counts: it finds its methods by their names.
    """
    modules = [COMPUTE[unit.part].__module__]
    if unit.part is Part.CASE:
        modules.append(f"{_CASES}.{unit.data}")
    return source_hash(tuple(modules))


@lru_cache
def source_hash(modules: tuple[str, ...]) -> str:
    """First 16 hex digits of the SHA-256 of some modules of the benchmark and of what they import."""
    digest = hashlib.sha256()
    for path in _sources(modules):
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


def _sources(modules: tuple[str, ...]) -> list[Path]:
    """The files of some modules and of what they import, in a fixed order."""
    bench = Path(assay_bench.__file__).parent
    with_pricing, queue, found = False, list(modules), set[Path]()
    while queue:
        module = queue.pop()
        with_pricing |= module.partition(".")[0] == assay_pricing.__name__
        path = _file(bench, module)
        if path is not None and path not in found and path.relative_to(bench).as_posix() not in _FORMS:
            found.add(path)
            queue += _imported(path)
    return sorted(found) + (python_files(Path(assay_pricing.__file__).parent) if with_pricing else [])


def _file(bench: Path, module: str) -> Path | None:
    """The file of a module of ``assay_bench``; None for a package, for another library, and for what is no module."""
    name, *names = module.split(".")
    path = bench.joinpath(*names).with_suffix(".py")
    return path if name == assay_bench.__name__ and names and path.is_file() else None


def _imported(path: Path) -> Iterator[str]:
    """Names that a file imports, and what may be modules among the names that it imports from another."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def python_files(package: Path) -> list[Path]:
    """The Python files of a package, in a fixed order."""
    return sorted(package.rglob("*.py"))
