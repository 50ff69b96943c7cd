"""What a network gets of one text or one picture, by the encoder's declaration."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from assay.protocol.encoder import ImageInput, TextInput
from assay_pricing.encoding.network import Network
from assay_pricing.errors import DataError, EncoderError
from assay_pricing.records.quoting import first_line

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_CHARACTERS = 1_000_000
"""Of one text: a book."""
_TOKENS = ("input_ids", "attention_mask", "token_type_ids")
_MAX_TOKENIZER_BYTES = 2**27
_STRING, _SINGLE = "tensor(string)", "tensor(float)"

Feed = Mapping[str, npt.NDArray[Any]]


class Texts:
    """Texts for a network: its tokens, or each text itself as one string.

    Args:
        network: Takes them.
        declared: How.
        tokenizer: Content of the tokenizer's file; None for a network that takes the text itself.

    Raises:
        EncoderError: The network takes another input, or the tokenizer cannot be read.
    """

    def __init__(self, network: Network, declared: TextInput, tokenizer: bytes | None) -> None:
        self._tokenizer = None if tokenizer is None else _tokenizer(tokenizer, declared.max_tokens)
        self._inputs = network.inputs
        if self._tokenizer is not None:
            network.check_inputs(_TOKENS, "a network of tokens")
            return
        kinds = {kind for kind, _ in network.inputs.values()}
        if len(network.inputs) != 1 or kinds != {_STRING}:
            raise EncoderError(
                f"expected one input of {_STRING} without a tokenizer, got {', '.join(sorted(kinds))}",
                hint="name the tokenizer's file in the declaration: [text] tokenizer",
            )

    def feed(self, text: str) -> Feed:
        """The input for one text.

        Raises:
            DataError: It has more than a million characters.
        """
        if len(text) > MAX_CHARACTERS:
            raise DataError(f"expected texts of at most {MAX_CHARACTERS} characters, got {len(text)}")
        if self._tokenizer is None:
            name, (_, shape) = next(iter(self._inputs.items()))
            return {name: np.full((1,) * max(len(shape), 1), text, dtype=object)}
        found = self._tokenizer.encode(text)
        tokens = dict(zip(_TOKENS, (found.ids, found.attention_mask, found.type_ids), strict=True))
        kinds = {name: np.int32 if kind == "tensor(int32)" else np.int64 for name, (kind, _) in self._inputs.items()}
        return {name: np.array([tokens[name]], dtype=kind) for name, kind in kinds.items()}


class Images:
    """Pictures for a network, resized and scaled.

    Args:
        network: Takes them.
        declared: How.

    Raises:
        EncoderError: The network takes another input.
    """

    def __init__(self, network: Network, declared: ImageInput) -> None:
        self._declared = declared
        channels = len(declared.channels)
        size = (declared.height, declared.width)
        expected = (1, channels, *size) if declared.layout == "NCHW" else (1, *size, channels)
        name, (kind, shape) = next(iter(network.inputs.items()), ("", ("nothing", [])))
        fits = len(shape) == 4 and all(not isinstance(b, int) or a == b for a, b in zip(expected, shape, strict=True))
        if len(network.inputs) != 1 or kind != _SINGLE or not fits:
            given = "; ".join(f"{name!r}: {kind} {shape}" for name, (kind, shape) in network.inputs.items())
            raise EncoderError(
                f"expected a network with one input of {_SINGLE} that takes {list(expected)}, got {given}",
                hint="declare height, width, channels and layout as the network takes them: [image]",
            )
        self._name = name
        self._mean = np.array(declared.mean or (0.0,), dtype=np.float32)
        self._std = np.array(declared.std or (1.0,), dtype=np.float32)

    def feed(self, picture: "Image") -> Feed:
        """The input for one picture in RGB."""
        from PIL import Image, ImageOps

        declared, size = self._declared, (self._declared.width, self._declared.height)
        if declared.channels == "L":
            picture = picture.convert("L")
        method = Image.Resampling[declared.filter.upper()]
        drawn = picture.resize(size, method) if declared.resize == "stretch" else ImageOps.fit(picture, size, method)
        values = np.asarray(drawn, dtype=np.float32).reshape(declared.height, declared.width, -1)
        if declared.channels == "BGR":
            values = values[:, :, ::-1]
        scaled = (values * np.float32(declared.scale) - self._mean) / self._std
        if declared.layout == "NCHW":
            scaled = scaled.transpose(2, 0, 1)
        return {self._name: np.ascontiguousarray(scaled[None])}


def _tokenizer(content: bytes, max_tokens: int) -> Any:
    try:
        from tokenizers import Tokenizer
    except ImportError:
        raise EncoderError(
            "expected tokenizers to read a tokenizer, it is not installed", hint="pip install 'assay[oracle,onnx]'"
        ) from None
    if len(content) > _MAX_TOKENIZER_BYTES:
        raise EncoderError(f"expected a tokenizer of at most {_MAX_TOKENIZER_BYTES} bytes, got {len(content)}")
    try:
        found = Tokenizer.from_str(content.decode())
        found.no_padding()
        found.enable_truncation(max_tokens)
    except Exception as error:  # tokenizers raises plain exceptions
        raise EncoderError(f"expected a tokenizer.json of tokenizers: {first_line(error)}") from None
    return found
