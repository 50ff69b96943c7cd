"""What follows the calls of a model. Pricing reads no clock: what bounds and reports the calls is made outside."""

from contextlib import AbstractContextManager, nullcontext
from typing import Protocol


class Watch(Protocol):
    """Follows the calls of a model."""

    def asking(self, total: int) -> AbstractContextManager[None]:
        """In its context, ``total`` records are asked for."""
        ...

    def call(self, records: str) -> AbstractContextManager[None]:
        """In its context, the model is called once, for ``records`` in words.

        Raises:
            ModelTimeout: The call takes too long.
        """
        ...

    def answered(self, count: int) -> None:
        """So many records more have their answers."""
        ...


class Unwatched:
    """A ``Watch`` that does nothing."""

    def asking(self, total: int) -> AbstractContextManager[None]:  # noqa: ARG002 of the protocol
        """See ``Watch``."""
        return nullcontext()

    def call(self, records: str) -> AbstractContextManager[None]:  # noqa: ARG002 of the protocol
        """See ``Watch``."""
        return nullcontext()

    def answered(self, count: int) -> None:
        """See ``Watch``."""


UNWATCHED = Unwatched()
