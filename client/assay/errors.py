"""Everything that Assay raises: one base to catch, a stable ``code``, and a hint where one helps.

AssayError
├── UsageError                 the call cannot be meant: bad option, bad file name
├── SettingsError              a setting is missing or impossible
└── SealError                  sealed data
    ├── NotSealedData          foreign file, impossible layout, impossible key
    ├── SealedDataTruncated    bytes are missing, or too many
    ├── CommitmentMismatch     the index is not what the root commits to
    ├── ChunkMismatch          a chunk is not the committed one, or the key does not open it
    ├── DataEmpty              nothing to seal
    └── DataTooLarge           more than the cipher's counter can number
"""


class AssayError(Exception):
    """Base of all. ``message`` says what was expected and what came, ``hint`` what to do."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    @property
    def code(self) -> str:
        """Stable name: the class name in snake case."""
        name = type(self).__name__.rstrip("_")
        return "".join("_" + c.lower() if c.isupper() else c for c in name).lstrip("_")


class UsageError(AssayError):
    """The call cannot be meant."""


class SettingsError(AssayError):
    """A setting is missing or impossible."""


class SealError(AssayError):
    """Sealed data is not what it should be."""


class NotSealedData(SealError):
    """Not a sealed file, or one with an impossible layout."""


class SealedDataTruncated(SealError):
    """Bytes are missing, or there are too many."""


class CommitmentMismatch(SealError):
    """The index is not what the root commits to."""


class ChunkMismatch(SealError):
    """A chunk is not the committed one, or the key does not open it."""


class DataEmpty(SealError):
    """There is nothing to seal."""


class DataTooLarge(SealError):
    """More bytes than the cipher can number."""
