"""Pictures in folders, in archives and beside tables are the same records; what is no picture is named."""

import io
import re
import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image

from assay_pricing.errors import DataError
from assay_pricing.records import pictures
from assay_pricing.records.inference import infer
from assay_pricing.records.pictures import decode
from assay_pricing.records.roles import Choices
from assay_pricing.records.tables import parse_records, read_table, to_records
from tests.kit.encoders import picture
from tests.kit.pictures import FILES, PICTURES, reads, samples, tar, written

pytestmark = pytest.mark.unit

TABLE = b"file_name,kind\n" + b"".join(f"{name},{name[:3]}\n".encode() for name in PICTURES)


def test_the_same_pictures_have_one_content_in_every_container(tmp_path: Path) -> None:
    schema, encoders = reads(tmp_path)
    shuffled = dict(sorted(PICTURES.items(), reverse=True))
    flat = {name.replace("/", "-"): content for name, content in PICTURES.items()}
    table = TABLE.replace(b"cat/", b"cat-").replace(b"dog/", b"dog-")
    folders = {
        "labels": FILES,
        "table": {**FILES, "labels.csv": TABLE},
        "metadata": {**flat, "metadata.csv": table},
        "samples": samples(),
        "shards": {"0.tar": tar(dict(list(samples().items())[:2])).read(), "1.tar": tar(samples()).read()},
    }
    found = {
        name: to_records(read_table(written(tmp_path / name, files), schema=schema), schema, encoders)
        for name, files in folders.items()
    }
    archives = {"tar": shuffled, "tar of samples": samples(), "./": {f"./{name}": FILES[name] for name in FILES}}
    found |= {name: parse_records(tar(files), schema, encoders=encoders) for name, files in archives.items()}
    assert {records.content_hash() for records in found.values()} == {found["labels"].content_hash()}
    assert found["labels"].x.round(2).tolist() == [[0, 1, 0], [1, 0, 0], [0, 0, 1]], "in the order of their names"
    assert found["labels"].y.tolist() == [0, 0, 1]
    assert found["tar"].hashes() == found["labels"].hashes(), "in any order of the archive"
    assert found["shards"].n == 4


def test_a_table_beside_pictures_may_have_other_columns(tmp_path: Path) -> None:
    schema, encoders = reads(tmp_path)
    rows = [(name, i + 0.5, f"key{i}") for i, name in enumerate(PICTURES)]
    table = "file_name,weight,key,kind\n" + "".join(f"{name},{w},{key},{name[:3]}\n" for name, w, key in rows)
    folder = written(tmp_path / "data", {**PICTURES, "metadata.csv": table.encode()})
    by_column = {"image": schema.features[0].encoder}
    found = infer([read_table(folder)], "kind", choices=Choices(ids=["key"]), encoders=by_column)
    assert [feature.kind for feature in found.schema.features] == ["numeric", "image"]
    records = to_records(read_table(folder, schema=found.schema), found.schema, encoders)
    assert records.x[:, 0].tolist() == [0.5, 1.5, 2.5]


def test_pictures_without_an_encoder_are_no_features(tmp_path: Path) -> None:
    table = read_table(written(tmp_path / "data", FILES))
    with pytest.raises(DataError, match="expected an encoder of the pictures in column 'image', got none") as caught:
        infer([table], "kind")
    assert "--encoder FILE" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"a.png": b""}, r"folder that is named as its label, got 'a\.png'"),
        ({"train/cat/a.png": b""}, r"folder that is named as its label, got 'train/cat/a\.png'"),
        ({"README.md": b"#", "cat/a.png": b""}, r"expected pictures \(\.png, \.jpg, \.jpeg\), got 'README\.md'"),
        ({"cat/a.png": b"", "labels.csv": TABLE}, r"'labels\.csv' names, missing 'cat/a\.JPG', 'cat/b\.png', 'dog/c"),
        (
            {**FILES, "cat/read me.txt": b""},
            r"'\.txt' in every .* none for 'cat/a'.*, such as 'cat/read me\.txt'",
        ),
        ({**FILES, "cat/d.png": b"", "labels.csv": TABLE}, r"names, got others: 'cat/d\.png'"),
        ({**FILES, "labels.csv": b"name,kind\n1,2\n"}, r"a column 'file_name' .* in 'labels\.csv', got columns 'kind'"),
        ({**FILES, "labels.csv": TABLE, "metadata.csv": TABLE}, r"one table of labels, got 'labels\.csv', 'metadata"),
        ({**FILES, "labels.csv": TABLE.replace(b"kind", b"type")}, "expected a label column 'kind', got columns"),
        ({"bird/a.png": picture(3)}, "expected labels among 'cat', 'dog', got 'bird' in column 'label', row 0"),
    ],
)
def test_what_a_folder_of_pictures_must_not_have_is_named(files: dict, message: str, tmp_path: Path) -> None:
    schema, encoders = reads(tmp_path)
    with pytest.raises(DataError) as caught:
        to_records(read_table(written(tmp_path / "data", files), schema=schema), schema, encoders)
    assert re.search(message, f"{caught.value.message}; {caught.value.hint}")


def test_a_symbolic_link_is_not_followed(tmp_path: Path) -> None:
    folder = written(tmp_path / "data", PICTURES)
    (folder / "dog" / "d.png").symlink_to("/etc/passwd")
    with pytest.raises(DataError, match=r"expected files and folders, got the symbolic link 'dog/d\.png'"):
        read_table(folder)


def png(width: int, height: int, *more: tuple[bytes, bytes]) -> bytes:
    """A PNG file whose head states a size, with chunks and without pixels."""
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)), *more, (b"IDAT", b""), (b"IEND", b"")]
    written = (struct.pack(">I", len(c)) + n + c + struct.pack(">I", zlib.crc32(n + c)) for n, c in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(written)


def animation() -> bytes:
    content = io.BytesIO()
    first, second = Image.new("RGB", (4, 4), "red"), Image.new("RGB", (4, 4), "blue")
    first.save(content, "PNG", save_all=True, append_images=[second])
    return content.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "expected a PNG or JPEG picture, got another or a damaged file in 'a.png': cannot identify image file$"),
        (b"GIF89a" + bytes(20), "expected a PNG or JPEG picture, got another or a damaged file in 'a.png'"),
        (picture(3)[:60], "a damaged file in 'a.png'"),
        (picture(3, kind="JPEG", size=(90, 70))[:-30], "a damaged file in 'a.png': .*truncated"),
        (picture(3)[:50] + b"\xff" + picture(3)[51:], "a damaged file in 'a.png'"),
        (png(8200, 8200), "at most 67108864 pixels, got 8200 x 8200 in 'a.png'"),
        (png(100_000, 100_000), "at most 67108864 pixels, got more in 'a.png'"),
        (png(0, 4), "a damaged file in 'a.png'"),
        (png(4, 4, (b"zTXt", b"a\0\0" + zlib.compress(bytes(2**23)))), "a damaged file in 'a.png'"),
        (animation(), "expected a picture of one frame, got an animation in 'a.png'"),
    ],
)
def test_what_is_no_picture_or_a_bomb_is_refused_by_name(content: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        decode(content, "a.png")


def test_a_picture_of_many_pixels_is_measured_before_it_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "MAX_PIXELS", 62)
    with pytest.raises(DataError, match="at most 62 pixels, got 9 x 7"):
        decode(picture(3), "a.png")


@pytest.mark.parametrize(
    ("mode", "colour", "seen"),
    [
        ("L", 51, (51, 51, 51)),
        ("LA", (51, 0), (255, 255, 255)),
        ("I;16", 51 * 257, (51, 51, 51)),
        ("1", 1, (255, 255, 255)),
        ("P", 0, (0, 0, 0)),
        ("RGBA", (255, 0, 0, 51), (255, 204, 204)),
    ],
)
def test_every_kind_of_pixel_is_seen_in_eight_bits(mode: str, colour: object, seen: tuple) -> None:
    content = io.BytesIO()
    Image.new(mode, (3, 2), colour).save(content, "PNG")
    assert decode(content.getvalue(), "a.png").getpixel((2, 1)) == seen
