"""The encoders of a schema: texts and pictures to features, which are the same integers for the same content."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from assay.protocol.encoder import Encoder
from assay.protocol.schema import Schema
from assay_pricing.encoding.inputs import Feed, Images, Texts
from assay_pricing.encoding.network import Network
from assay_pricing.errors import DataError, EncoderError
from assay_pricing.records.pictures import Pictures
from assay_pricing.records.quoting import quoted
from assay_pricing.records.records import Float64

Files = Callable[[bytes], bytes]
"""From a SHA-256 to the content of the file that has it. Raises a ``PricingError`` if it has none."""
MAX_INTEGER = 2**24
"""Features lie below so many steps: single precision holds them."""
_PROBE = "one text"


@dataclass(frozen=True)
class _Loaded:
    network: Network
    texts: Texts | None
    images: Images | None


def no_files(sha256: bytes) -> bytes:
    """``Files`` of a schema without encoders.

    Raises:
        EncoderError: Always.
    """
    raise EncoderError(f"expected the file of an encoder with SHA-256 {sha256.hex()}, it was not given")


class Encoders:
    """Encoders by their declarations, each loaded at its first use and kept.

    Args:
        files: Where their files are.
    """

    def __init__(self, files: Files = no_files) -> None:
        self._files = files
        self._loaded: dict[Encoder, _Loaded] = {}

    def file(self, sha256: bytes) -> bytes:
        """The content of the file with a hash.

        Raises:
            PricingError: There is none, or it has another hash.
        """
        content = self._files(sha256)
        found = hashlib.sha256(content).digest()
        if found != sha256:
            raise EncoderError(
                f"expected the file of an encoder with SHA-256 {sha256.hex()}, got one with {found.hex()}",
                hint="restore the file from where the encoder is published",
            )
        return content

    def load(self, schema: Schema) -> None:
        """Loads all encoders of a schema.

        Raises:
            PricingError: A file is missing or altered, or is not what its declaration says.
        """
        for feature in schema.features:
            if feature.encoder is not None:
                self._of(feature.encoder)

    def width(self, encoder: Encoder) -> int:
        """Number of features that an encoder gives, whatever its declaration says.

        Raises:
            PricingError: It cannot be loaded, or it fails on a short text or a white picture.
        """
        from PIL import Image

        loaded = self._of(encoder)
        if loaded.images is None:
            return self._pooled(encoder, self._text_feed(loaded, _PROBE)).size
        return self._pooled(encoder, loaded.images.feed(Image.new("RGB", (1, 1), "white"))).size

    def of_texts(self, encoder: Encoder, column: str, texts: Sequence[str]) -> Float64:
        """Features of texts (n, width).

        Args:
            encoder: Its declaration.
            column: Name of the column, for messages.
            texts: In Unicode normalisation form C.

        Raises:
            DataError: A text is too long.
            EncoderError: The encoder fails on a text, or its output is not finite or of another width.
        """
        loaded = self._of(encoder)
        found = np.empty((len(texts), encoder.width))
        for row, text in enumerate(texts):
            try:
                found[row] = self._features(encoder, self._text_feed(loaded, text))
            except (DataError, EncoderError) as error:
                raise type(error)(
                    f"{error.message} in column {quoted(column)}, the text {quoted(text)}", hint=error.hint
                ) from None
        return found

    def of_pictures(self, encoder: Encoder, pictures: Pictures) -> Float64:
        """Features of pictures (n, width).

        Raises:
            DataError: A picture is damaged or too large; the message names its file.
            EncoderError: The encoder fails on a picture, or its output is not finite or of another width.
        """
        images = self._of(encoder).images
        assert images is not None
        found = np.empty((len(pictures), encoder.width))
        for row, name in enumerate(pictures.names):
            picture = pictures.decode(row)
            try:
                found[row] = self._features(encoder, images.feed(picture))
            except EncoderError as error:
                raise EncoderError(f"{error.message} for {quoted(name)}", hint=error.hint) from None
        return found

    def _of(self, encoder: Encoder) -> _Loaded:
        encoder = encoder.model_copy(update={"width": 1})  # its file is the same
        if encoder not in self._loaded:
            network = Network(self.file(encoder.sha256), f"the network 0x{encoder.sha256.hex()[:12]}...")
            network.check_output(encoder.output)
            texts = images = None
            if encoder.text is not None:
                tokenizer = encoder.text.tokenizer
                texts = Texts(network, encoder.text, None if tokenizer is None else self.file(tokenizer))
            elif encoder.image is not None:
                images = Images(network, encoder.image)
            self._loaded[encoder] = _Loaded(network, texts, images)
        return self._loaded[encoder]

    def _text_feed(self, loaded: _Loaded, text: str) -> Feed:
        assert loaded.texts is not None
        return loaded.texts.feed(text)

    def _features(self, encoder: Encoder, feed: Feed) -> Float64:
        """Features of one record (width,), rounded to steps."""
        pooled = self._pooled(encoder, feed)
        if pooled.size != encoder.width:
            raise EncoderError(f"expected {encoder.width} features, got {pooled.size}")
        steps = np.rint(pooled / encoder.step)
        if not np.isfinite(steps).all():
            raise EncoderError("expected finite features, got NaN or infinity")
        if np.abs(steps).max() >= MAX_INTEGER:
            limit = MAX_INTEGER * encoder.step
            raise EncoderError(
                f"expected features below {limit:g}, got {np.abs(pooled).max():g}",
                hint="declare fewer bits after the point: bits",
            )
        return np.asarray(steps * encoder.step + 0.0, dtype=np.float64)  # -0 + 0 = 0

    def _pooled(self, encoder: Encoder, feed: Feed) -> Float64:
        """The output for one record as a vector."""
        output = self._of(encoder).network.run(feed, encoder.output)
        vector = _pooled(encoder, output)
        if encoder.normalised:
            length = float(np.sqrt((vector * vector).sum()))
            vector = vector / (length or 1.0)
        return vector


def _pooled(encoder: Encoder, output: Float64) -> Float64:
    if output.ndim and output.shape[0] == 1 and output.shape[-1]:
        inner = output[0]
        if encoder.text is not None and inner.ndim == 2 and not len(inner) and encoder.pooling != "none":
            return np.zeros(inner.shape[1])  # a text without tokens
        if encoder.pooling == "none" and inner.ndim == 1:
            return np.asarray(inner)
        if encoder.pooling == "first" and inner.ndim == 2:
            return np.asarray(inner[0])
        if encoder.pooling == "mean" and inner.ndim == 2:
            return np.asarray(inner.mean(axis=0))
        if encoder.pooling == "mean" and inner.ndim == 3 and encoder.image is not None:
            return np.asarray(inner.mean(axis=(1, 2) if encoder.image.layout == "NCHW" else (0, 1)))
    wanted = {"none": "(1, width)", "first": "(1, tokens, width)", "mean": "(1, tokens, width) or a picture's axes"}
    raise EncoderError(
        f"expected an output of shape {wanted[encoder.pooling]} for pooling {encoder.pooling!r}, got {output.shape}",
        hint="declare the pooling that fits the output (none, mean or first), or another output",
    )
