"""The approaches, one file each; they are imported when they are run, because some need libraries of their own."""

from importlib import import_module

from assay.errors import UsageError
from assay_bench.comparison.approach import Approach
from assay_bench.errors import LibraryMissing

MODULES = {
    "data-first": "data_first",
    "model-first": "model_first",
    "escrow": "escrow",
    "escrow-contract": "escrow",
    "encrypted-model-evaluation": "encrypted.evaluation",
    "encrypted-model": "encrypted.model",
    "doubly-permuted": "encrypted.permuted",
    "doubly-permuted-101-classes": "encrypted.permuted",
    "doubly-permuted-128-bit": "encrypted.permuted",
    "encrypted-ridge": "encrypted.ridge",
    "encrypted-inference": "encrypted.inference",
    "federated-averaging": "federated.averaging",
    "secure-aggregation": "federated.aggregation",
    "secure-aggregation-of-sybils": "federated.aggregation",
    "tip": "recent.tip",
    "data-appraisal": "recent.appraisal",
    "privade": "recent.privade",
    "proof-of-contribution": "recent.contribution",
    "stakes": "markets.stakes",
    "openmined": "markets.openmined",
    "ours-default": "ours",
    "ours-influence": "ours",
    "ours-extraction": "ours",
    "ours-compression": "ours",
    "ours-ridge": "ours",
    "ours-blind": "ours",
    "ours-proven": "ours",
}
"""Module of this package by the approach's name, in the order of the page."""


def module_of(name: str) -> str:
    """Dotted name of the module that has an approach.

    Raises:
        UsageError: There is no approach of this name.
    """
    if name not in MODULES:
        raise UsageError(f"expected an approach among {', '.join(MODULES)}, got {name}")
    return f"{__name__}.{MODULES[name]}"


def find(name: str) -> Approach:
    """An approach by its name: the one in ``APPROACHES`` of its module.

    Raises:
        UsageError: There is no approach of this name.
        LibraryMissing: A library that it needs is not installed.
    """
    module = module_of(name)
    try:
        found: tuple[Approach, ...] = import_module(module).APPROACHES
    except ModuleNotFoundError as error:
        library = (error.name or "a library").partition(".")[0]
        raise LibraryMissing(
            f"{name} needs {library}, which is not installed", hint="make compare installs it"
        ) from error
    return next(approach for approach in found if approach.name == name)
