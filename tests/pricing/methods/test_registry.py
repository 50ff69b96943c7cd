"""Methods are found by name; one more file makes one more method, from the fit to the price."""

from pathlib import Path

import numpy as np
import pytest

from assay_pricing import methods
from assay_pricing.errors import ArtifactError, DataError
from assay_pricing.fitting import fit
from assay_pricing.function import PriceFunction
from tests.pricing.machines import machines, regression_of

pytestmark = pytest.mark.unit
ALL = [
    *("distillation", "ensemble", "forest", "influence", "knn", "last_layer", "loss", "newton", "pruning"),
    *("quantisation", "retraining", "ridge", "tree", "update"),
]


def test_every_file_is_a_method() -> None:
    assert methods.names() == ALL
    assert methods.DEFAULT in ALL


@pytest.mark.parametrize("name", ALL)
def test_a_method_has_its_files_name_and_says_when_to_use_it(name: str) -> None:
    found = methods.method(name)
    assert found.name == name
    assert issubclass(found, methods.Method)
    assert found.when_to_use
    assert found.__doc__


def test_no_two_methods_are_for_the_same_use() -> None:
    assert len({methods.method(name).when_to_use for name in ALL}) == len(ALL)


@pytest.mark.parametrize("name", ["base", "families", "nothing", "__init__"])
def test_another_name_is_refused(name: str) -> None:
    with pytest.raises(ArtifactError, match=f"expected a method among distillation, .*update, got '{name}'"):
        methods.method(name)


def test_settings_are_completed_by_their_defaults() -> None:
    assert methods.settings("forest", {}) == {"trees": 200, "questions": 3000}
    assert methods.settings("forest", {"trees": 7}) == {"trees": 7, "questions": 3000}
    assert methods.settings("pruning", {"share": 0}) == {"share": 0}, "an integer is a number"


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        ("forest", {"leaves": 3}, "expected a setting of forest among trees, questions, got 'leaves'"),
        ("loss", {"leaves": 3}, r"expected a setting of loss among \(none\), got 'leaves'"),
        ("forest", {"trees": 1.5}, "expected the setting trees of forest to be like 200, got 1.5"),
        ("forest", {"trees": True}, "expected the setting trees of forest to be like 200, got True"),
    ],
)
def test_other_settings_are_refused(name: str, given: dict[str, object], said: str) -> None:
    with pytest.raises(DataError, match=said):
        methods.settings(name, given)


def test_one_file_adds_a_method(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The example of the documentation, in a folder of its own, is fitted, saved, loaded and prices an offer."""
    example = (methods.__doc__ or "").split("::\n\n", 1)[1]
    lines = [line.removeprefix("    ") for line in example.splitlines()]
    (tmp_path / "distance.py").write_text("\n".join(lines))
    monkeypatch.setattr(methods, "__path__", [*methods.__path__, str(tmp_path)])
    assert methods.names() == sorted([*ALL, "distance"])
    owner, offer = machines(1, normal=40, wear=40), machines(3, normal=3, wear=3)
    function = fit(
        regression_of(owner), owner, validation=machines(2, normal=20, wear=20), method="distance", decay=2e-3
    )
    function.save(tmp_path / "price")
    loaded = PriceFunction.load(tmp_path / "price")
    appraisal = loaded.appraise(offer)
    nearest = [
        min(float(np.linalg.norm(a - b)) for b in function.method.context.base.x.numpy())
        for a in function.method.context.encode(offer).x.numpy()
    ]
    assert (loaded.manifest.method, loaded.method.name) == ("distance", "distance")
    np.testing.assert_allclose(appraisal.record_values, nearest, rtol=1e-9)
    assert appraisal.set_value == pytest.approx(sum(nearest))
    assert appraisal.price > 0
