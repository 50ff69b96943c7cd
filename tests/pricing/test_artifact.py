"""The files of a price function: hashed as documented, whole, and checked to the byte."""

import hashlib
import json
from pathlib import Path

import pytest
import torch

from assay_pricing import artifact
from assay_pricing.canonical import canonical_json
from assay_pricing.errors import ArtifactError, FidelityError
from tests.pricing.contexts import manifest

pytestmark = pytest.mark.unit
TENSORS = {"b": torch.arange(3.0), "a": torch.zeros((2, 2), dtype=torch.float64)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    artifact.write(tmp_path / "price", *artifact.finalize(manifest(), TENSORS))
    return tmp_path / "price"


def test_the_hash_covers_manifest_and_tensors_as_documented() -> None:
    final, content = artifact.finalize(manifest(), TENSORS)
    text = canonical_json(manifest().model_dump(mode="json", exclude={"hash"}))
    assert final.hash == hashlib.sha256(len(text).to_bytes(8, "big") + text + content).digest()
    assert final.model_copy(update={"hash": bytes(32)}) == manifest()


def test_the_order_and_the_layout_of_tensors_do_not_matter() -> None:
    turned = {"a": torch.zeros((2, 2), dtype=torch.float64).T, "b": TENSORS["b"]}
    assert artifact.finalize(manifest(), turned) == artifact.finalize(manifest(), TENSORS)


def test_what_is_written_is_read_again(folder: Path) -> None:
    found, tensors = artifact.read(folder)
    assert found == artifact.finalize(manifest(), TENSORS)[0]
    assert {name: tensor.tolist() for name, tensor in tensors.items()} == {
        name: tensor.tolist() for name, tensor in TENSORS.items()
    }
    assert sorted(path.name for path in folder.iterdir()) == ["manifest.json", "tensors.safetensors"]


def test_a_manifest_in_another_spelling_is_refused(folder: Path) -> None:
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()), indent=1))
    with pytest.raises(ArtifactError, match="got altered files in"):
        artifact.read(folder)


def test_new_tensors_under_an_old_manifest_are_refused(folder: Path) -> None:
    """As a crash between the two files leaves them."""
    _, content = artifact.finalize(manifest(), {**TENSORS, "b": torch.ones(3)})
    (folder / "tensors.safetensors").write_bytes(content)
    with pytest.raises(ArtifactError, match="got altered files in") as caught:
        artifact.read(folder)
    assert caught.value.hint == "restore it from a copy or fit it again"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", r"expected the JSON of a price function in manifest\.json, got something else"),
        ("nothing", r"expected the JSON of a price function in manifest\.json, got something else"),
        ('{"version": 2}', "expected a price function of version 1, got 2"),
        ("{}", "expected a price function of version 1, got None"),
        ('{"version": 1}', "got a wrong schema_: Field required"),
    ],
)
def test_a_manifest_that_is_none_is_named(folder: Path, text: str, message: str) -> None:
    (folder / "manifest.json").write_text(text)
    with pytest.raises(ArtifactError, match=message):
        artifact.read(folder)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ArtifactError, match=r"expected a writable folder, got .*file/price: Not a directory"):
        artifact.write(tmp_path / "file" / "price", *artifact.finalize(manifest(), TENSORS))


def test_a_manifest_of_a_weak_surrogate_does_not_price() -> None:
    manifest(fidelity=0.9).check_fidelity()
    with pytest.raises(FidelityError, match=r"at least 90% of held-out records, got 89\.9%") as caught:
        manifest(fidelity=0.899).check_fidelity()
    assert caught.value.hint
