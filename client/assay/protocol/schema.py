"""The columns of a model's records: features by name and kind, the label, and columns that are no features."""

import unicodedata
from collections import Counter
from collections.abc import Collection
from typing import Literal, Self

from pydantic import Field, model_validator

from assay.protocol.encoder import Encoder
from assay.protocol.types import Value


class Feature(Value):
    """One input column of a model.

    Attributes:
        name: Of the column.
        kind: ``numeric``; ``categorical``, a text among ``categories``; ``boolean``; ``time``, a date, a time of day or
            a point in time; or ``text`` and ``image``, which ``encoder`` turns into numbers.
        categories: The values that the model knows, for a categorical feature. The empty text is the missing value.
        stored: How the owner's file holds the column: the name of a pandas data type, ``date``, or the ``strftime``
            format of a time that is written as text. The model gets the column in this form. Empty for the usual one.
        missing: What the owner's file holds in place of a missing value, which the model gets: NaN, None or the empty
            text. None if no record of the owner lacks a value; an offer must not either.
        encoder: Of a text or an image; None for every other kind.
        unit: Of a number, as the owner writes it, for whoever makes a file; empty if she names none.
    """

    name: str
    kind: Literal["numeric", "categorical", "boolean", "time", "text", "image"] = "numeric"
    categories: tuple[str, ...] = ()
    stored: str = ""
    missing: Literal["nan", "none", "empty"] | None = None
    encoder: Encoder | None = Field(default=None, exclude_if=lambda encoder: encoder is None)
    unit: str = Field(default="", exclude_if=lambda unit: not unit)

    @model_validator(mode="after")
    def _has_the_encoder_of_its_kind(self) -> Self:
        taken = None if self.encoder is None else "text" if self.encoder.text else "image"
        if taken != (self.kind if self.kind in ("text", "image") else None):
            raise ValueError(f"expected an encoder of texts for a text, of pictures for an image, got {self.kind}")
        return self

    @property
    def is_whole(self) -> bool:
        """Whether it is a number, and every record of the owner has a whole one."""
        return self.kind == "numeric" and self.stored.startswith(("int", "uint", "Int", "UInt"))

    @property
    def encoded(self) -> "tuple[Feature, ...]":
        """What the model gets of it: the features of its encoder, or itself.

        Features of an encoder are multiples of a power of two below 2^24 times it: single precision holds them.
        """
        if self.encoder is None:
            return (self,)
        return tuple(Feature(name=f"{self.name}[{i}]", stored="float32") for i in range(self.encoder.width))


class Excluded(Value):
    """A column of the owner's file that is no feature: offers may have it or not, and it identifies no record.

    Attributes:
        name: Of the column.
        role: ``id``, which distinguishes rows; or ``dropped``.
        reason: Why, in words.
    """

    name: str
    role: Literal["id", "dropped"]
    reason: str = ""


class Schema(Value):
    """Columns of the files that a model's records come in: ``d`` features and, for a classifier, ``k`` classes.

    Every column has a name of its own. ``label_unit`` is that of a regression's label; empty if the owner names
    none.
    """

    task: Literal["classification", "regression"]
    features: tuple[Feature, ...]
    label: str
    classes: tuple[str, ...] = ()
    excluded: tuple[Excluded, ...] = ()
    label_unit: str = Field(default="", exclude_if=lambda unit: not unit)

    @model_validator(mode="after")
    def _names_are_distinct(self) -> Self:
        names = [*(feature.name for feature in self.features), *(column.name for column in self.excluded)]
        counts = Counter([*names, self.label])
        repeated = sorted(name for name, count in counts.items() if count > 1)
        if repeated:
            raise ValueError(f"expected columns of distinct names, got more than one {', '.join(repeated)}")
        return self

    def encoded(self) -> "Schema":
        """The schema of the records themselves: each text and image is replaced by the features of its encoder."""
        if all(feature.encoder is None for feature in self.features):
            return self
        features = tuple(part for feature in self.features for part in feature.encoded)
        return self.model_copy(update={"features": features})


def normal_form_hint(missing: Collection[str], given: Collection[str]) -> str:
    """What to do about missing columns that a file has in another Unicode normal form; empty if it has none.

    Names that look alike in two normal forms are two names: a column is found by its exact name in every format, and
    by the model, which was fitted on it.
    """
    found = {unicodedata.normalize("NFC", name) for name in given}
    twins = [name for name in missing if name not in given and unicodedata.normalize("NFC", name) in found]
    if not twins:
        return ""
    form = "NFC" if all(unicodedata.is_normalized("NFC", name) for name in twins) else "NFD"
    return (
        f"{', '.join(map(repr, twins[:3]))} differs from a column of the file in its Unicode normal form alone: "
        f"write it in {form}, for example with unicodedata.normalize({form!r}, name)"
    )
