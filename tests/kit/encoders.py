"""Small encoders of texts and pictures: ONNX files written by hand, with their declarations."""

import io
import json
from pathlib import Path

import numpy as np
from PIL import Image

from tests.kit.black_boxes import field, node, onnx, tensor

WORDS = {"good": [2.0, 0.0], "bad": [-2.0, 0.0], "film": [0.0, 1.0], "book": [0.0, -1.0]}
"""Features of each word; of any other one, zeros."""
_FLOAT, _INT64, _STRING = 1, 7, 8


def shaped(name: str, dims: list[int | str], kind: int = _FLOAT) -> bytes:
    """An input or output of a shape; a text stands for any size."""
    shape = b"".join(field(1, field(2 if isinstance(size, str) else 1, size)) for size in dims)
    return field(1, name) + field(2, field(1, field(1, kind) + field(2, shape)))


def words_onnx() -> bytes:
    """``last_hidden_state[0, t] = WORDS[token t]``."""
    table = np.array([[0.0, 0.0], *WORDS.values()])
    looked_up = node("Gather", ["table", "input_ids"], ["last_hidden_state"])
    inputs = [shaped("input_ids", ["batch", "tokens"], _INT64)]
    return onnx([looked_up], [tensor("table", table)], inputs, [shaped("last_hidden_state", ["batch", "tokens", 2])])


def tokenizer_json() -> bytes:
    """Words in lower case, between spaces."""
    vocabulary = {word: i for i, word in enumerate(["[UNK]", *WORDS])}
    return json.dumps(
        {
            "version": "1.0",
            "truncation": None,
            "padding": None,
            "added_tokens": [],
            "normalizer": {"type": "Lowercase"},
            "pre_tokenizer": {"type": "Whitespace"},
            "post_processor": None,
            "decoder": None,
            "model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": "[UNK]"},
        }
    ).encode()


def colours_onnx(height: int = 4, width: int = 6) -> bytes:
    """``features[0] = means of the three channels``, of a picture (1, 3, height, width)."""
    nodes = [node("GlobalAveragePool", ["pixels"], ["pooled"]), node("Flatten", ["pooled"], ["features"])]
    return onnx(nodes, [], [shaped("pixels", ["batch", 3, height, width])], [shaped("features", ["batch", 3])])


def text_encoder(folder: Path, column: str = "review", **fields: object) -> Path:
    """Writes the encoder of words and its declaration, with ``fields`` in place of the usual ones."""
    (folder / "words.onnx").write_bytes(words_onnx())
    (folder / "tokenizer.json").write_bytes(tokenizer_json())
    stated = {"column": column, "model": "words.onnx", "pooling": "mean", "bits": 8} | fields
    return declaration(folder / "text.toml", stated, "text", {"tokenizer": "tokenizer.json", "max_tokens": 8})


def image_encoder(folder: Path, **image: object) -> Path:
    """Writes the encoder of colours and its declaration, with ``image`` in its table."""
    (folder / "colours.onnx").write_bytes(colours_onnx())
    stated = {"column": "image", "model": "colours.onnx"}
    return declaration(folder / "image.toml", stated, "image", {"height": 4, "width": 6} | image)


def declaration(path: Path, fields: dict[str, object], kind: str, table: dict[str, object]) -> Path:
    """Writes a declaration in TOML, whose values are written as in JSON."""
    lines = [f"{name} = {json.dumps(value)}" for name, value in fields.items()]
    lines += [f"[{kind}]", *(f"{name} = {json.dumps(value)}" for name, value in table.items())]
    path.write_text("\n".join(lines))
    return path


def picture(colour: tuple[int, ...] | int, *, size: tuple[int, int] = (9, 7), kind: str = "PNG", **options) -> bytes:
    """A file with a picture of one colour."""
    mode = {1: "L", 3: "RGB", 4: "RGBA"}[1 if isinstance(colour, int) else len(colour)]
    content = io.BytesIO()
    Image.new(mode, size, colour).save(content, kind, **options)
    return content.getvalue()
