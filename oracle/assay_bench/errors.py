"""The errors of the benchmark.

``BenchError``
    ``PackageUnavailable``   a pinned package cannot be downloaded
    ``PackageAltered``       a downloaded package does not have its pinned hash
    ``LibraryMissing``       a library that the benchmark needs or compares is not installed
"""

from assay.errors import AssayError


class BenchError(AssayError):
    """Root of the benchmark's errors."""


class PackageUnavailable(BenchError):
    """A pinned package is not cached, and its registry does not serve it."""


class PackageAltered(BenchError):
    """A package's archive does not have the pinned hash."""


class LibraryMissing(BenchError):
    """A library that the benchmark needs or compares is not installed."""
