"""What the oracle would refuse for its size or its columns is refused before it is sealed."""

import unicodedata
import zipfile
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from assay import envelope
from assay.errors import OfferRefused, OracleRefused
from assay.protocol import seal
from assay.protocol.messages import DataLimits, ModelInfo
from assay.protocol.schema import Feature, Schema
from assay.sale.offered.precheck import check_file, least_upload_bytes
from tests.kit.actors import ORACLE_IDENTITY, oracle_account
from tests.kit.market import Market

pytestmark = pytest.mark.unit

SCHEMA = Schema(
    task="classification",
    features=(Feature(name="age"), Feature(name="town", kind="categorical", categories=("Ulm",))),
    label="bought",
    classes=("no", "yes"),
)


def check(market: Market, path: Path, schema: Schema = SCHEMA, **limits: int) -> None:
    bounds = DataLimits(**({"records": 10**6, "expanded_bytes": 2**31} | limits))
    model = market.http.model(market.model_id).model_copy(update={"schema_": schema, "limits": bounds})
    check_file(path, market.http.info(), ModelInfo.model_validate(model), seal.DEFAULT_CHUNK_SIZE)


def refused(market: Market, path: Path, *arguments: Schema, **limits: int) -> OfferRefused:
    with pytest.raises(OfferRefused) as refusal:
        check(market, path, *arguments, **limits)
    assert "nothing was sealed or sent" in str(refusal.value.hint)
    return refusal.value


@pytest.mark.parametrize("size", [1, 4080, 4081, 70_000, 300_000])
def test_upload_is_never_shorter_than_it_is_taken_to_be(tmp_path: Path, size: int) -> None:
    plain, sealed, upload = tmp_path / "plain", tmp_path / "sealed", tmp_path / "upload"
    plain.write_bytes(bytes(size))
    with plain.open("rb") as source, sealed.open("w+b") as target:
        seal.seal(source, target, bytes(32))
    with sealed.open("rb") as source, upload.open("wb") as target:
        envelope.encrypt_to(envelope.public_of(ORACLE_IDENTITY), source, target)
    least = least_upload_bytes(size, seal.DEFAULT_CHUNK_SIZE)
    assert least <= upload.stat().st_size < least + 400


def test_file_beyond_the_oracles_limit_is_refused_before_it_is_sealed(market: Market) -> None:
    path = market.file(bytes(2**20), "large.bin")
    with pytest.raises(OfferRefused, match="expected an upload of at most 1048576 bytes") as refusal:
        market.seller().prepare(path, market.model_id)
    assert refusal.value.reason_code == "upload_too_large"
    assert not list(market.home.rglob("data.sealed"))


def test_model_that_the_oracle_does_not_price_for_is_told_before_sealing(market: Market) -> None:
    terms = market.terms.model_copy(update={"salt": b"\x01" * 32})
    owner = market.chain.seen_by(terms.owner)
    owner.register_model(terms, oracle_account.address)
    other = owner.model_id(terms)
    with pytest.raises(OracleRefused, match="prices for") as refusal:
        market.seller().prepare(market.file(), other)
    assert "registered a moment ago" in str(refusal.value.hint)
    assert not list(market.home.rglob("data.sealed"))


@pytest.mark.parametrize(
    "text",
    [
        "age,town,bought\n",
        "\ufefftown,bought,age\n1\n",
        '"age";"town";"bought"\n',
        "id\tage\ttown\tbought\n",
    ],
    ids=["plain", "mark_and_order", "semicolons", "tabs_and_one_more"],
)
def test_header_with_the_models_columns_passes(market: Market, text: str) -> None:
    check(market, market.file(text.encode(), "data.csv"))


def test_header_without_a_column_of_the_model_is_refused_with_its_name(market: Market) -> None:
    found = refused(market, market.file(b"age,city,bought\n1,Ulm,no\n", "data.csv"))
    assert (found.reason_code, "missing: 'town'" in found.message) == ("columns_differ", True)
    assert "assay model show" in str(found.hint)
    found = refused(market, market.file(b"age,town,label\n1,Ulm,no\n", "data.CSV"))
    assert "missing: 'bought' (the label)" in found.message


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"PAR1", b"PK\x03\x04 damaged", b"ARROW1", b'{"a": 1}'])
@pytest.mark.parametrize("suffix", [".parquet", ".npz", ".bin"])
def test_what_is_not_understood_is_left_to_the_oracle(market: Market, content: bytes, suffix: str) -> None:
    check(market, market.file(content, f"data{suffix}"))


@pytest.mark.parametrize(
    ("content", "name", "told"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(30), "cat", "is a PNG picture"),
        (b"\xff\xd8\xff\xe0", "cat.csv", "is a JPEG picture"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "cat.webp", "is a WebP picture"),
        (b"%PDF-1.7\n", "paper.pdf", "is a PDF document"),
        (b"\x1f\x8b\x08", "data.csv.gz", "is a file compressed by gzip"),
        (b'[{"age": 1}]\n', "data.json", "is a JSON array"),
        (b"\xef\xbb\xbf<!doctype html>", "data.html", "is HTML or XML"),
        (b"\xef\xbb\xbfsep=;\r\na;y\r\n1;0\r\n", "data.csv", "is a CSV file whose first line is for Excel alone"),
        (b"Dear buyer,\nthis is no table\n", "letter.txt", "missing: 'age', 'town', 'bought' (the label)"),
        ("age;city;bought\n".encode("utf-16"), "data.csv", "it has 'age', 'city', 'bought'"),
        ("Stra\u00dfe\n".encode() * 3000, "words", "missing: 'age'"),
    ],
)
def test_what_is_no_table_is_refused_by_its_content(market: Market, content: bytes, name: str, told: str) -> None:
    assert told in refused(market, market.file(content, name)).message


@pytest.mark.parametrize(
    ("member", "told"), [("cat.png", "a ZIP archive of other files"), ("[Content_Types].xml", "an Excel workbook")]
)
def test_archive_of_other_files_is_refused(market: Market, member: str, told: str) -> None:
    path = market.home / "data.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(member, b"...")
    assert (
        f"expected a table (Arrow, CSV, JSON lines, NPZ, Parquet or tar), data.npz is {told}"
        in refused(market, path).message
    )


def test_text_in_a_format_that_only_the_oracle_may_know_is_left_to_it(market: Market) -> None:
    check(market, market.file(b"a\nb\n", "data.lines"))


@pytest.mark.parametrize(("known", "given"), [("NFC", "NFD"), ("NFD", "NFC")])
def test_column_in_another_normal_form_is_refused_with_the_form_to_write(
    market: Market, known: Literal["NFC", "NFD"], given: Literal["NFC", "NFD"]
) -> None:
    name = unicodedata.normalize(known, "caf\u00e9")
    schema = SCHEMA.model_copy(update={"features": (Feature(name=name),)})
    header = unicodedata.normalize(given, f"{name},bought\n")
    found = refused(market, market.file(header.encode(), "data.csv"), schema)
    assert f"differs from a column of the file in its Unicode normal form alone: write it in {known}" in str(found.hint)


def arrays(market: Market, **columns: np.ndarray) -> Path:
    path = market.home / "data.npz"
    np.savez_compressed(path, **columns)
    return path


def test_arrays_are_checked_by_their_shapes_alone(market: Market) -> None:
    wide = refused(market, arrays(market, x=np.zeros((5, 3), np.float32), y=np.zeros(5)))
    assert "expected 2 features in each record, data.npz has 3" in wide.message
    check(market, arrays(market, x=np.zeros((5, 2), np.float32), y=np.zeros(5)))
    check(market, arrays(market, age=np.zeros(5), town=np.array(["Ulm"] * 5), bought=np.array(["no"] * 5)))
    assert "'town'" in refused(market, arrays(market, age=np.zeros(5), bought=np.zeros(5))).message


def test_arrays_beyond_the_oracles_limits_are_refused(market: Market) -> None:
    path = arrays(market, x=np.zeros((50, 2), np.float32), y=np.zeros(50))
    assert "expected at most 49 records" in refused(market, path, SCHEMA, records=49).message
    assert (
        "bytes once opened in one offer, data.npz has 1200"
        in refused(market, path, SCHEMA, expanded_bytes=1199).message
    )
    check(market, path, records=50, expanded_bytes=1200)


def test_limits_are_published(market: Market) -> None:
    assert market.http.info().max_upload_bytes == market.settings.max_upload_bytes
    limits = market.http.model(market.model_id).limits
    assert limits is not None
    assert (limits.records, limits.expanded_bytes) == (1_000_000, 2**31)
