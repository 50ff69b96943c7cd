"""What to do about an error, in the words that ``docs/errors.md`` has, too."""

from assay.errors import AssayError

_IN_THE_MESSAGE = "as the message says"


def remedy(error: AssayError) -> str | None:
    """The hint of an error, or else the remedy of its kind; None where the message says it."""
    if error.hint:
        return error.hint
    text = " ".join((type(error).__doc__ or "").partition("Remedy:")[2].replace("``", "").split()).removesuffix(".")
    return None if not text or text.startswith(_IN_THE_MESSAGE) else text
