"""Texts and pictures become the same features for the same content; what an encoder cannot do is named."""

import hashlib
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from assay.protocol.encoder import Encoder, ImageInput, TextInput
from assay.protocol.schema import Feature, Schema
from assay_pricing.encoding import network
from assay_pricing.encoding.declaration import read_declaration, reader
from assay_pricing.encoding.encoders import Encoders
from assay_pricing.encoding.inputs import MAX_CHARACTERS
from assay_pricing.encoding.network import Network
from assay_pricing.errors import DataError, EncoderError
from assay_pricing.records.pictures import Pictures
from tests.kit.black_boxes import field, node, onnx, tensor
from tests.kit.encoders import (
    colours_onnx,
    declaration,
    image_encoder,
    picture,
    shaped,
    text_encoder,
    tokenizer_json,
    words_onnx,
)

pytestmark = pytest.mark.unit


def texts(folder: Path, given: list[str], **fields) -> np.ndarray:
    declared = read_declaration(text_encoder(folder, **fields))
    return Encoders(reader(declared.files)).of_texts(declared.encoder, "review", given)


def pictures(folder: Path, contents: list[bytes], **image) -> np.ndarray:
    declared = read_declaration(image_encoder(folder, **image))
    column = Pictures(tuple(f"{i}.png" for i in range(len(contents))), contents.__getitem__)
    return Encoders(reader(declared.files)).of_pictures(declared.encoder, column)


def of(content: bytes, **fields) -> tuple[Encoder, Encoders]:
    """An encoder of the network ``content``, not asked for its width."""
    files = {hashlib.sha256(part).digest(): part for part in (content, tokenizer_json())}
    if not fields.keys() & {"text", "image"}:
        fields["text"] = TextInput(tokenizer=hashlib.sha256(tokenizer_json()).digest())
    return Encoder(sha256=hashlib.sha256(content).digest(), **fields), Encoders(files.__getitem__)


def test_a_text_becomes_the_pooled_features_of_its_tokens(tmp_path: Path) -> None:
    given = ["good film", "Bad   BOOK", "", "unknown words", "good good bad"]
    mean = [[1, 0.5], [-1, -0.5], [0, 0], [0, 0], [2 / 3, 0]]
    assert texts(tmp_path, given).tolist() == (np.rint(np.array(mean) * 256) / 256).tolist()
    assert texts(tmp_path, given, pooling="first").tolist() == [[2, 0], [-2, 0], [0, 0], [0, 0], [2, 0]]
    unit = texts(tmp_path, given, normalised=True, bits=12)
    np.testing.assert_allclose(np.linalg.norm(unit, axis=1), [1, 1, 0, 0, 1], atol=2**-12)
    assert texts(tmp_path, ["film film film film book book book book book book book"])[0, 1] == 0, "of eight tokens"


def test_a_picture_is_resized_scaled_and_laid_on_white(tmp_path: Path) -> None:
    red, clear = picture((255, 0, 51)), picture((255, 0, 51, 0))
    assert pictures(tmp_path, [red, clear], scale=1.0).tolist() == [[255, 0, 51], [255, 255, 255]]
    shifted = pictures(tmp_path, [red], scale=1.0, mean=[5, 0, 1], std=[10, 1, 2], channels="BGR")
    np.testing.assert_allclose(shifted, [[4.6, 0, 127]], atol=2**-11)
    grey = pictures(tmp_path, [picture(51), picture(51, kind="JPEG")], scale=1.0)
    assert grey.tolist() == [[51, 51, 51], [51, 51, 51]]


def test_a_picture_is_stretched_or_cropped_to_the_size(tmp_path: Path) -> None:
    """Two thirds red above one third blue: a crop to 6 x 4 of 6 x 12 keeps the rows 4 to 7, all red."""
    tall, content = Image.new("RGB", (6, 12), (255, 0, 0)), io.BytesIO()
    tall.paste((0, 0, 255), (0, 8, 6, 12))
    tall.save(content, "PNG")
    stretched = pictures(tmp_path, [content.getvalue()], scale=1.0, filter="box")
    assert np.abs(stretched - [[170, 0, 85]]).max() < 1
    assert pictures(tmp_path, [content.getvalue()], scale=1.0, resize="crop").tolist() == [[255, 0, 0]]


def test_features_depend_on_no_other_record_and_are_multiples_of_the_step(tmp_path: Path) -> None:
    together = texts(tmp_path, ["good film bad", "good", "bad book"])
    alone = [texts(tmp_path, [text])[0] for text in ("good film bad", "good", "bad book")]
    np.testing.assert_array_equal(together, alone)
    np.testing.assert_array_equal(together * 256, np.rint(together * 256))


def test_the_width_is_found_and_the_schema_has_as_many_features(tmp_path: Path) -> None:
    declared = read_declaration(text_encoder(tmp_path))
    assert declared.encoder.width == 2
    raw = Feature(name="review", kind="text", encoder=declared.encoder)
    schema = Schema(task="regression", features=(Feature(name="stars"), raw), label="y")
    assert [feature.name for feature in schema.encoded().features] == ["stars", "review[0]", "review[1]"]
    assert Schema.model_validate_json(schema.model_dump_json()) == schema
    assert "encoder" not in Feature(name="stars").model_dump()
    with pytest.raises(ValueError, match="an encoder of texts for a text"):
        Feature(name="review", kind="image", encoder=declared.encoder)


@pytest.mark.parametrize(
    ("fields", "table", "message"),
    [
        ({"model": "other.onnx"}, {}, r"expected the file .*other\.onnx, which .*text\.toml names: No such file"),
        ({"column": 3}, {}, r"expected column as a text in .*text\.toml, got 3"),
        ({"bits": 40}, {}, r"text\.toml: bits: Input should be less than or equal to 20"),
        ({"pooling": "max"}, {}, r"pooling: Input should be 'none', 'mean' or 'first'"),
        ({"colour": "red"}, {}, r"colour: Extra inputs are not permitted"),
        ({"output": "scores"}, {}, r"expected an output 'scores' of .*, it has 'last_hidden_state'"),
        ({"pooling": "none"}, {}, r"expected an output of shape \(1, width\) for pooling 'none', got \(1, 2, 2\)"),
        ({}, {"max_tokens": 0}, r"text\.max_tokens: Input should be greater than or equal to 2"),
        ({}, {"tokenizer": "words.onnx"}, r"expected a tokenizer\.json of tokenizers"),
    ],
)
def test_a_wrong_declaration_is_named(fields: dict, table: dict, message: str, tmp_path: Path) -> None:
    path = text_encoder(tmp_path)
    stated = {"column": "review", "model": "words.onnx", "pooling": "mean"} | fields
    declaration(path, stated, "text", {"tokenizer": "tokenizer.json"} | table)
    with pytest.raises(EncoderError, match=message):
        read_declaration(path)


def test_a_file_that_is_no_declaration_or_says_neither_kind_is_named(tmp_path: Path) -> None:
    path = text_encoder(tmp_path)
    path.write_text('column = "review"\nmodel = "words.onnx"\n')
    with pytest.raises(EncoderError, match="how the encoder takes texts or how it takes pictures"):
        read_declaration(path)
    path.write_text("{}")
    with pytest.raises(EncoderError, match="in TOML"):
        read_declaration(path)


def test_another_size_than_the_network_takes_is_named(tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match=r"takes \[1, 3, 5, 6\], got 'pixels': tensor\(float\) \['batch', 3, 4, 6\]"):
        read_declaration(image_encoder(tmp_path, height=5))
    with pytest.raises(EncoderError, match=r"takes \[1, 4, 6, 3\], got 'pixels'"):
        read_declaration(image_encoder(tmp_path, layout="NHWC"))


def test_other_inputs_than_tokens_are_named() -> None:
    content = onnx([node("Identity", ["x"], ["o"])], [], [shaped("x", [1, 2])], [shaped("o", [1, 2])])
    encoder, encoders = of(content, width=2)
    with pytest.raises(EncoderError, match=r"a network of tokens \('attention_mask'.*\), .* has inputs 'x'"):
        encoders.of_texts(encoder, "review", ["good"])
    encoder, encoders = of(content, width=2, text=TextInput())
    with pytest.raises(EncoderError, match=r"one input of tensor\(string\) without a tokenizer, got tensor\(float\)"):
        encoders.of_texts(encoder, "review", ["good"])


def test_a_network_may_take_the_text_itself() -> None:
    keys = field(1, "keys_strings") + field(9, "good") + field(20, 8)
    values = field(1, "values_floats") + b"\x3d\x00\x00\x80\x3f" + field(20, 6)
    content = onnx(
        [node("LabelEncoder", ["text"], ["o"], keys, values, domain="ai.onnx.ml")],
        [],
        [shaped("text", [1, 1], 8)],
        [shaped("o", [1, 1])],
    )
    encoder, encoders = of(content, width=1, text=TextInput())
    assert encoders.of_texts(encoder, "review", ["good", "bad"]).tolist() == [[1.0], [0.0]]


@pytest.mark.parametrize(
    ("operation", "message"),
    [
        ("Log", r"expected finite features, got NaN or infinity for '0\.png'"),
        ("Exp", r"expected features below 16384, got 8\.\d+e\+1\d"),
    ],
)
def test_features_that_are_not_finite_or_too_large_are_named(operation: str, message: str) -> None:
    nodes = [node("GlobalAveragePool", ["x"], ["p"]), node("Flatten", ["p"], ["f"]), node(operation, ["f"], ["o"])]
    content = onnx(nodes, [], [shaped("x", [1, 3, 1, 1])], [shaped("o", [1, 3])])
    encoder, encoders = of(content, width=3, image=ImageInput(height=1, width=1, scale=0.125))
    with pytest.raises(EncoderError, match=message):
        encoders.of_pictures(encoder, Pictures(("0.png",), lambda _: picture((220, 0, 0))))


def test_another_number_of_features_than_declared_is_named() -> None:
    encoder, encoders = of(words_onnx(), width=3, pooling="mean")
    with pytest.raises(EncoderError, match="expected 3 features, got 2 in column 'review', the text 'good'"):
        encoders.of_texts(encoder, "review", ["good"])


def test_a_file_with_another_hash_is_refused() -> None:
    encoder, _ = of(words_onnx(), width=2, pooling="mean")
    with pytest.raises(EncoderError, match=f"with SHA-256 {encoder.sha256.hex()}, got one with"):
        Encoders(lambda _: colours_onnx()).of_texts(encoder, "review", ["good"])
    with pytest.raises(EncoderError, match=f"with SHA-256 {encoder.sha256.hex()}, it was not given"):
        Encoders().of_texts(encoder, "review", ["good"])


def test_a_text_longer_than_a_book_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="at most 1000000 characters, got 1000001 in column 'review'"):
        texts(tmp_path, ["a" * (MAX_CHARACTERS + 1)])


def test_what_is_no_network_is_refused() -> None:
    with pytest.raises(EncoderError, match="expected an ONNX model without parts in other files, got from it"):
        Network(b"no network", "it")


@pytest.mark.parametrize("place", ["/etc/passwd", "weights", "./weights", "../weights"])
def test_weights_in_another_file_which_no_hash_covers_are_refused(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As ``torch.onnx.export`` writes them; also where a file of this name lies in the current folder."""
    (tmp_path / "here").mkdir()
    for folder in (tmp_path, tmp_path / "here"):
        (folder / "weights").write_bytes(bytes(512))
    monkeypatch.chdir(tmp_path / "here")
    outside = field(1, 64) + field(1, 2) + field(2, 1) + field(8, "w") + field(14, 1)
    outside += field(13, field(1, "location") + field(2, place))
    content = onnx([node("Gather", ["w", "x"], ["o"])], [outside], [shaped("x", [1], 7)], [shaped("o", [1, 2])])
    with pytest.raises(EncoderError, match="expected an ONNX model without parts in other files") as caught:
        Network(content, "it")
    assert "external_data=False" in str(caught.value.hint)


def test_a_network_that_takes_too_much_memory_or_time_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    size = onnx([node("ConstantOfShape", ["n"], ["o"])], [], [shaped("n", [1], 7)], [shaped("o", ["n"])])
    with pytest.raises(EncoderError, match="tensors take at most 2147483648 bytes, it takes more"):
        Network(size, "it").run({"n": np.array([2**33])})
    looped = [node("Add", ["state", "one"], ["next"]), node("Identity", ["more"], ["again"])]
    body = b"".join(field(1, one) for one in looped) + field(2, "body")
    inputs = [shaped("i", [], 7), shaped("more", [], 9), shaped("state", [1, 1])]
    body += b"".join(field(11, one) for one in inputs)
    body += b"".join(field(12, one) for one in (shaped("again", [], 9), shaped("next", [1, 1])))
    endless = node("Loop", ["", "go", "x"], ["o"], field(1, "body") + field(6, body) + field(20, 5))
    go = field(2, 9) + field(8, "go") + field(9, b"\x01")
    content = onnx([endless], [tensor("one", np.ones((1, 1))), go], [shaped("x", [1, 1])], [shaped("o", [1, 1])])
    with pytest.raises(EncoderError, match=r"at most 0\.2 seconds for a record, it takes longer"):
        Network(content, "it", seconds=0.2).run({"x": np.zeros((1, 1), np.float32)})
    monkeypatch.setattr(network, "MAX_MODEL_BYTES", 3)
    with pytest.raises(EncoderError, match="an ONNX file of at most 3 bytes, it has"):
        Network(words_onnx(), "it")
