"""Texts and folders of pictures from ``fit`` to the process that prices, with the files of their encoders."""

import csv
import io
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result

from assay_oracle.appraisers.cache import RecordCache
from assay_oracle.cli.main import main
from assay_oracle.cli.pricing_process import load_inline
from assay_pricing import artifact
from assay_pricing.errors import ArtifactError, DataError
from tests.kit.encoders import image_encoder, picture, text_encoder, words_onnx
from tests.kit.pictures import tar, written

pytestmark = pytest.mark.integration

MODEL = """
import numpy as np

def by_words(x):
    return np.stack([0 * x[:, 0], 6 * x[:, 0] - 1.5], 1)

def by_colours(x):
    return np.stack([9 * x[:, 2], 9 * x[:, 0]], 1)
"""


def run(*arguments: object) -> Result:
    return CliRunner(mix_stderr=False).invoke(main, [*map(str, arguments), "--json"])


def fitted(folder: Path, model: str, data: str, declaration: str, *more: object) -> Result:
    price = folder / f"price-{data}"
    files = ("--data", folder / data, "--encoder", folder / declaration, "--out", price)
    return run("fit", "--model", f"raw_model:{model}", *files, "--method", "knn", "--outputs", "logits", *more)


def reviews(rng: np.random.Generator, n: int) -> list[tuple[str, str]]:
    found = []
    for _ in range(n):
        words = rng.choice(["good", "bad", "film", "book", "other"], size=4)
        score = np.isin(words, ["good"]).sum() - np.isin(words, ["bad"]).sum() + rng.normal() / 4
        found.append((" ".join(words), "pos" if score > 0.5 else "neg"))
    return found


def written_csv(path: Path, rows: list[tuple[str, str]]) -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("review", "y"), *rows])
    return path


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model, encoders, reviews, and the price function of a model of them."""
    folder, rng = tmp_path_factory.mktemp("desk"), np.random.default_rng(0)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        (folder / "raw_model.py").write_text(MODEL)
        text_encoder(folder)
        image_encoder(folder)
        written_csv(folder / "train.csv", reviews(rng, 160))
        written_csv(folder / "offer.csv", reviews(rng, 40))
        result = fitted(folder, "by_words", "train.csv", "text.toml")
        assert result.exit_code == 0, result.stderr
        assert json.loads(result.stdout)["columns"][0]["kind"] == "text, encoded to 2 features"
        reds = {f"{kind}/{i}.png": picture(colour) for i, (kind, colour) in enumerate(colours(rng, 120))}
        written(folder / "pictures", reds)
        result = fitted(folder, "by_colours", "pictures", "image.toml")
        assert result.exit_code == 0, result.stderr
    return folder


def colours(rng: np.random.Generator, n: int) -> list[tuple[str, tuple[int, int, int]]]:
    red = rng.integers(0, 256, n)
    return [("blue" if r + rng.normal(scale=20) < 128 else "red", (int(r), 9, 255 - int(r))) for r in red]


def test_an_offer_of_texts_has_one_price_and_content_in_every_format(desk: Path, tmp_path: Path) -> None:
    table = pd.read_csv(desk / "offer.csv")
    table[["y", "review"]].iloc[::-1].to_parquet(tmp_path / "offer.parquet")
    offers = (desk / "offer.csv", tmp_path / "offer.parquet")
    prices = [json.loads(run("appraise", desk / "price-train.csv", file).stdout) for file in offers]
    assert prices[0]["data_hash"] == prices[1]["data_hash"]
    assert prices[0]["price"] == prices[1]["price"]
    (tmp_path / "offer.tar").write_bytes(tar({"0.txt": b"good film", "0.cls": b"pos"}).read())
    other = run("appraise", desk / "price-train.csv", tmp_path / "offer.tar")
    assert "missing 'review'; extra 'txt'" in other.stderr
    own = json.loads(run("appraise", desk / "price-train.csv", desk / "train.csv").stdout)
    assert set(own["verdicts"]) <= {"owned", "repeated", "harmful", "useful"}
    assert "owned" in own["verdicts"]


def test_an_archive_of_a_folder_of_pictures_is_the_same_offer(desk: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    files = {f"{kind}/{i}.png": picture(colour) for i, (kind, colour) in enumerate(colours(rng, 30))}
    (tmp_path / "offer.tar").write_bytes(tar(files).read())
    offers = (tmp_path / "offer.tar", written(tmp_path / "offer", files))
    found = [run("appraise", desk / "price-pictures", offer) for offer in offers]
    assert [result.exit_code for result in found] == [0, 0], found[0].stderr
    first, second = (json.loads(result.stdout) for result in found)
    assert first == second
    (tmp_path / "offer" / "red" / "x.png").write_bytes(picture(3)[:40])
    damaged = run("appraise", desk / "price-pictures", tmp_path / "offer")
    assert (damaged.exit_code, json.loads(damaged.stdout)["error"]["code"]) == (1, "data_error")
    assert "damaged file in 'red/x.png'" in damaged.stderr


def test_the_process_that_prices_opens_raw_files(desk: Path) -> None:
    appraiser = load_inline(desk / "price-train.csv", RecordCache(0))
    declared = appraiser.info.schema.features[0]
    assert (declared.name, declared.kind, declared.encoder.width) == ("review", "text", 2)
    with (desk / "offer.csv").open("rb") as source:
        opened = appraiser.open(source, seconds=60)
    assert len(opened.hashes()) == 40
    assert opened.appraise(known=frozenset(), own=(), sold=()).records == 40
    with pytest.raises(DataError, match="missing 'review'; extra 'txt'"):
        appraiser.open(io.BytesIO(b"txt,y\ngood,pos\n"), seconds=60)
    pictures = load_inline(desk / "price-pictures", RecordCache(0))
    offer = tar({"red/a.png": picture((200, 9, 55)), "blue/b.jpg": picture((9, 9, 250), kind="JPEG")})
    assert len(pictures.open(offer, seconds=60).hashes()) == 2
    with pytest.raises(DataError, match="expected pictures in column 'image', got text"):
        pictures.open(io.BytesIO(b"image,y\na.png,red\n"), seconds=60)


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "expected a file of the model's encoder in .*No such file"), (b"other", "expected a file with SHA-256")],
    ids=["missing", "altered"],
)
def test_a_price_function_without_its_encoder_is_refused(
    desk: Path, tmp_path: Path, content: bytes | None, message: str
) -> None:
    price = shutil.copytree(desk / "price-train.csv", tmp_path / "price")
    network = next(path for path in (price / "encoders").iterdir() if path.read_bytes() == words_onnx())
    network.unlink()
    if content is not None:
        network.write_bytes(content)
    for read in (artifact.read_manifest, lambda folder: load_inline(folder, RecordCache(0))):
        with pytest.raises(ArtifactError, match=message):
            read(price)
    result = run("inspect", price)
    assert (result.exit_code, json.loads(result.stdout)["error"]["code"]) == (1, "artifact_error")
    network.write_bytes(words_onnx())
    assert load_inline(price, RecordCache(0)).info.hash == artifact.read_manifest(desk / "price-train.csv").hash


@pytest.mark.parametrize(
    ("data", "declaration", "message"),
    [
        ("train.csv", "image.toml", "expected a column 'image' of pictures for its encoder, got columns 'review', 'y'"),
        ("pictures", "text.toml", "expected a column 'review' of text for its encoder, got columns 'image', 'label'"),
        ("train.csv", "raw_model.py", "expected the declaration of an encoder in .* in TOML"),
    ],
)
def test_an_encoder_of_another_column_is_refused(
    desk: Path, monkeypatch: pytest.MonkeyPatch, data: str, declaration: str, message: str
) -> None:
    monkeypatch.syspath_prepend(str(desk))
    result = fitted(desk, "by_words", data, declaration, "--replace")
    assert result.exit_code == 1
    assert re.search(message, json.loads(result.stdout)["error"]["message"])
