"""A column of pictures, each decoded when it is read, by Pillow and within bounds."""

import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assay_pricing.errors import DataError
from assay_pricing.records.quoting import first_line, quoted

if TYPE_CHECKING:
    from PIL.Image import Image

SUFFIXES = (".png", ".jpg", ".jpeg")
"""Endings of the names of pictures, in lower case."""
MAX_PIXELS = 2**26
"""Of one picture: a camera's largest, and 256 MB of memory."""
_FORMATS = ("PNG", "JPEG")
_SIXTEEN_BITS = "I"


@dataclass(frozen=True, eq=False)
class Pictures:
    """A column of pictures.

    Attributes:
        names: Of the files, (n,), as messages quote them.
        load: From a row to the content of its file.
    """

    names: tuple[str, ...]
    load: Callable[[int], bytes]

    def __len__(self) -> int:
        return len(self.names)

    def decode(self, row: int) -> "Image":
        """The picture of a row; see ``decode``."""
        return decode(self.load(row), self.names[row])


def decode(content: bytes, name: str) -> "Image":
    """A PNG or JPEG picture in 8-bit RGB, on white where it is transparent; its EXIF orientation is not applied.

    Args:
        content: Of the file.
        name: Of the file, for messages.

    Raises:
        DataError: It is neither PNG nor JPEG, is damaged or cut short, has several frames or too many pixels.
    """
    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            with Image.open(io.BytesIO(content), formats=_FORMATS) as found:
                _check_size(*found.size, name)
                if found.format == "PNG" and getattr(found, "n_frames", 1) > 1:
                    raise DataError(f"expected a picture of one frame, got an animation in {quoted(name)}")
                found.verify()  # checksums, which decoding does not look at
            with Image.open(io.BytesIO(content), formats=_FORMATS) as found:
                found.load()
                return _in_rgb(found)
        except DataError:
            raise
        except (Image.DecompressionBombError, Image.DecompressionBombWarning):
            raise _too_large("more", name) from None
        except Exception as error:  # a decoder may raise anything on a malformed file
            raise DataError(
                f"expected a PNG or JPEG picture, got another or a damaged file in {quoted(name)}: "
                f"{first_line(error).replace(_buffer_name(error), '').rstrip()}"
            ) from None


def _buffer_name(error: Exception) -> str:
    """How Pillow's message names the content in memory."""
    _, found, rest = str(error).partition("<_io.BytesIO")
    return found + rest if found else "\0"


def _check_size(width: int, height: int, name: str) -> None:
    if width * height > MAX_PIXELS:
        raise _too_large(f"{width} x {height}", name)


def _too_large(size: str, name: str) -> DataError:
    return DataError(
        f"expected a picture of at most {MAX_PIXELS} pixels, got {size} in {quoted(name)}",
        hint="make it smaller: the model sees a smaller one",
    )


def _in_rgb(picture: "Image") -> "Image":
    from PIL import Image

    if picture.mode.startswith(_SIXTEEN_BITS):
        import numpy as np

        return Image.fromarray((np.asarray(picture).astype(np.uint32) >> 8).astype(np.uint8)).convert("RGB")
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    white = Image.new("RGBA", picture.size, "white")
    white.alpha_composite(picture.convert("RGBA"))
    return white.convert("RGB")
