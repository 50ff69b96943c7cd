"""What can go wrong in the benchmark, as one tree.

``BenchError``
    ``PackageUnavailable``   a pinned package cannot be fetched
    ``PackageAltered``       a fetched package does not have its pinned hash
    ``LibraryMissing``         a library to compare with is not installed
"""

from assay.errors import AssayError


class BenchError(AssayError):
    """Root of the benchmark's errors; ``hint`` says what to do."""


class PackageUnavailable(BenchError):
    """A pinned package is neither cached nor to be had from its registry."""


class PackageAltered(BenchError):
    """A package came with other bytes than those that the benchmark was written against."""


class LibraryMissing(BenchError):
    """A library that the benchmark compares with is not installed."""
