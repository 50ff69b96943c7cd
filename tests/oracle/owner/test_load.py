"""The owner's model by name, and the classes that its module states."""

import sys
from pathlib import Path

import pytest

from assay_oracle.owner.load import check_name, load_model, stated_classes
from assay_pricing.errors import ModelError

pytestmark = pytest.mark.unit
MODULE = """
CLASSES = ["low", "medium", "high"]

def predict(features):
    return features

def make():
    return predict
"""


@pytest.fixture(autouse=True)
def at_the_desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "graded_desk.py").write_text(MODULE)
    (tmp_path / "wordy_desk.py").write_text("CLASSES = 'low'\n")
    (tmp_path / "forest.joblib").write_bytes(b"\x80")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    for name in ("graded_desk", "wordy_desk"):
        sys.modules.pop(name, None)


def test_a_module_states_its_classes_in_the_order_of_its_outputs() -> None:
    check_name("graded_desk:make")
    assert stated_classes("graded_desk:make") == (), "not before it is imported"
    assert load_model("graded_desk:make")([1]) == [1]
    assert stated_classes("graded_desk:make") == ("low", "medium", "high")
    assert stated_classes("http://127.0.0.1/") == ()


def test_classes_that_are_no_list_are_refused() -> None:
    with pytest.raises(ModelError, match="expected 'predict' in module 'wordy_desk', it is not there"):
        load_model("wordy_desk:predict")
    with pytest.raises(ModelError, match="expected CLASSES in 'wordy_desk' to be a list of names, got 'low'"):
        stated_classes("wordy_desk:predict")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("forest.joblib", "joblib.load('forest.joblib')`, and give --model mymodel:model"),
        ("missing/forest.pkl", "write a module mymodel.py that loads it"),
        ("graded_desk.py:predict", "--model graded_desk:predict"),
        ("graded_desk.py", "--model graded_desk:model"),
        ("predict", "for example mymodel:predict"),
        ("nowhere:predict", "looked in "),
        ("nowhere.deep:predict", "looked in "),
    ],
)
def test_a_wrong_name_says_what_to_write_instead(name: str, hint: str) -> None:
    with pytest.raises(ModelError) as refused:
        check_name(name)
    assert hint in str(refused.value.hint)
