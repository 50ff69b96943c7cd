"""The classes of a schema, found by the names that a model gives them."""

from collections.abc import Iterable, Sequence

import numpy as np

from assay_pricing.errors import DataError, ModelError
from assay_pricing.records.text import canonical_number, canonical_text, nfc

_BOOLEANS = {"false": "0", "true": "1"}


class ClassNames:
    """Finds the index of a class by the model's name for it.

    A number is its canonical text (1, 1.0 and "1.0" are one class). Where the classes are ``false`` and ``true``, in
    any case, a model may also say 0 and 1, and where they are 0 and 1, ``False`` and ``True``. Where the order of the
    model's classes was stated, a model may number them from 0 in that order.

    Args:
        classes: Of the schema.
        order: The owner's statement of the model's classes, in the model's order.

    Raises:
        ModelError: ``order`` names a class twice, or one that the schema lacks.
    """

    def __init__(self, classes: Sequence[str], order: Sequence[str] = ()) -> None:
        self._classes = tuple(classes)
        self._index = {nfc(name): i for i, name in enumerate(classes)}
        if {name.casefold() for name in classes} in ({"false", "true"}, {"0", "1"}):
            for i, name in enumerate(classes):
                self._index |= dict.fromkeys(_aliases(name), i)
        self.order = self.of_columns(order) if order else ()
        """Indices of the classes in the model's order; empty if it was not stated."""

    def of_columns(self, names: Iterable[object]) -> tuple[int, ...]:
        """Index of the class of each column.

        Raises:
            ModelError: A name is no class of the schema, or comes twice.
        """
        names = tuple(names)
        found = [self._find(name) for name in names]
        strange = [str(name) for name, index in zip(names, found, strict=True) if index is None]
        if strange:
            raise ModelError(
                f"expected classes among {self._classes}, the model also knows {sorted(strange)}",
                hint="state the model's classes in its own order (--classes a,b,c), or name those that the data lacks "
                "(--class)",
            )
        if len(set(found)) < len(found):
            raise ModelError(f"expected each class once, got {in_order(names)}")
        return tuple(index for index in found if index is not None)

    def of_label(self, label: object) -> int:
        """Index of the class that the model answered.

        Raises:
            ModelError: It is no class of the schema.
        """
        index = self._find(label)
        if index is None:
            index = self._by_number(label)
        if index is None:
            raise ModelError(
                f"expected one of the classes {self._classes}, got {_text(label)!r} from the model",
                hint="name a class that the data lacks (--class), state the classes that the model numbers from 0 "
                "(--classes a,b,c), or fit a regression (--task regression)",
            )
        return index

    def _find(self, name: object) -> int | None:
        text = _text(name)
        index = self._index.get(text)
        return self._index.get(canonical_number(text)) if index is None else index

    def _by_number(self, label: object) -> int | None:
        text = _text(label)
        return self.order[int(text)] if text.isdecimal() and int(text) < len(self.order) else None


def in_order(names: Iterable[object]) -> str:
    """Names in their order, separated by commas."""
    return ", ".join(map(str, names))


def _text(value: object) -> str:
    if isinstance(value, bool | np.bool_):
        return str(value)
    if isinstance(value, bytes):
        value = value.decode(errors="replace")
    try:
        return canonical_text(value)
    except (TypeError, ValueError, DataError):
        return str(value)


def _aliases(name: str) -> set[str]:
    """All spellings of a boolean."""
    number = _BOOLEANS.get(name.casefold(), name)
    word = "True" if number == "1" else "False"
    return {number, word, word.lower(), word.upper()}
