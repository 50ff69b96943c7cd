"""The errors of the benchmark.

``BenchError``
    ``PackageUnavailable``   a pinned package cannot be downloaded
    ``PackageAltered``       a downloaded package does not have its pinned hash
    ``LibraryMissing``       a library that the benchmark needs or compares is not installed
    ``MeasurementFailed``    a program that is measured failed
"""

from assay.errors import AssayError


class BenchError(AssayError):
    """Base of the benchmark's errors; ``hint`` says what to do."""


class PackageUnavailable(BenchError):
    """A pinned package is neither cached nor available from its registry.

    Remedy: go online, and run it again.
    """


class PackageAltered(BenchError):
    """A package does not have its pinned hash.

    Remedy: delete it from the cache.
    """


class LibraryMissing(BenchError):
    """A library that the benchmark compares with is not installed.

    Remedy: ``make bench-pricing`` and ``make compare`` install the libraries.
    """


class MeasurementFailed(BenchError):
    """A program that is measured failed.

    Remedy: as the message says; then run it again: it resumes.
    """
