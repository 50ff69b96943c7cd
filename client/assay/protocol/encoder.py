"""A public network that turns a text or a picture into numbers, named by the hashes of its files."""

import math
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from assay.protocol.types import Bytes32, Value

MAX_WIDTH = 16_384
"""Features that one encoder may give."""
MAX_SIDE = 4096
"""Height and width that a picture may be resized to, in pixels."""
_Side = Annotated[int, Field(ge=1, le=MAX_SIDE)]
_Finite = Annotated[float, Field(allow_inf_nan=False)]
_Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class TextInput(Value):
    """How a text becomes the network's input.

    Attributes:
        tokenizer: SHA-256 of a ``tokenizer.json`` of Hugging Face's tokenizers; None for a network that takes the text
            itself, a tensor of one string.
        max_tokens: A text of more tokens is cut there, special tokens included.
    """

    tokenizer: Bytes32 | None = None
    max_tokens: int = Field(default=256, ge=2, le=65_536)


class ImageInput(Value):
    """How a picture becomes the network's input: resized, scaled, then (value - mean) / std by channel.

    A picture is read in its first frame, without its EXIF orientation, and laid on white where it is transparent.

    Attributes:
        height: Of the input, in pixels.
        width: The same.
        channels: Their order: three colours, or ``L`` for luma (ITU-R 601-2).
        layout: Order of the axes: channels before or after height and width.
        resize: ``stretch`` to height and width; or ``crop``: the largest part from the middle with their ratio.
        filter: Of the resizing.
        scale: Factor of the values 0..255.
        mean: By channel, in the order of ``channels``; subtracted after scaling.
        std: By channel; divides last.
    """

    height: _Side
    width: _Side
    channels: Literal["RGB", "BGR", "L"] = "RGB"
    layout: Literal["NCHW", "NHWC"] = "NCHW"
    resize: Literal["stretch", "crop"] = "stretch"
    filter: Literal["bilinear", "bicubic", "box"] = "bilinear"
    scale: _Finite = 1 / 255
    mean: tuple[_Finite, ...] = ()
    std: tuple[_Positive, ...] = ()

    @model_validator(mode="after")
    def _moments_are_by_channel(self) -> Self:
        channels = 1 if self.channels == "L" else 3
        for name, values in (("mean", self.mean), ("std", self.std)):
            if values and len(values) != channels:
                raise ValueError(f"expected {channels} values of {name}, one by channel, got {len(values)}")
        return self


class Encoder(Value):
    """A network in an ONNX file, and how its output becomes features.

    Attributes:
        sha256: Of the ONNX file.
        width: Number of features.
        text: How a text becomes its input; None for an encoder of pictures.
        image: How a picture becomes its input; None for an encoder of texts.
        output: Name of the output that is read; empty for the first.
        pooling: ``none`` for an output (1, width); of an output (1, tokens, width) the ``mean`` over the tokens, or the
            ``first`` token; of an output with the axes of ``ImageInput.layout`` the ``mean`` over height and width.
        normalised: The pooled vector is divided by its Euclidean length.
        bits: Features are rounded to multiples of 2^-bits.
    """

    sha256: Bytes32
    width: int = Field(ge=1, le=MAX_WIDTH)
    text: TextInput | None = None
    image: ImageInput | None = None
    output: str = ""
    pooling: Literal["none", "mean", "first"] = "none"
    normalised: bool = False
    bits: int = Field(default=10, ge=0, le=20)

    @model_validator(mode="after")
    def _takes_one_kind(self) -> Self:
        if (self.text is None) == (self.image is None):
            raise ValueError("expected how the encoder takes texts or how it takes pictures, got both or neither")
        return self

    @property
    def files(self) -> tuple[bytes, ...]:
        """SHA-256 of each file that it needs, the network first."""
        tokenizer = self.text.tokenizer if self.text else None
        return (self.sha256,) if tokenizer is None else (self.sha256, tokenizer)

    @property
    def step(self) -> float:
        """What features are multiples of."""
        return math.ldexp(1.0, -self.bits)
