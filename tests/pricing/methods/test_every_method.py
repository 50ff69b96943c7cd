"""Every method fits, prices, and is the same after it was saved; what its artifact carries is said in numbers."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file
from sklearn.linear_model import LinearRegression

from assay_pricing import methods
from assay_pricing.errors import DataError
from assay_pricing.fitting import fit
from assay_pricing.function import PriceFunction
from tests.pricing.machines import hours, machines, regression_of

pytestmark = pytest.mark.unit
OWNER = machines(1, normal=80, wear=80)
HELD = machines(2, normal=60, wear=60)
OFFER = machines(3, normal=15, wear=15)
MODEL = regression_of(OWNER)


@pytest.fixture(scope="module", params=methods.names())
def fitted(request: pytest.FixtureRequest, of_machines: Callable[[str], PriceFunction]) -> PriceFunction:
    return of_machines(request.param)


def test_a_method_prices_alike_after_it_was_saved(fitted: PriceFunction, tmp_path: Path) -> None:
    fitted.save(tmp_path)
    again = PriceFunction.load(tmp_path)
    assert again.hash == fitted.hash
    assert again.manifest == fitted.manifest
    assert again.appraise(OFFER).canonical_json() == fitted.appraise(OFFER).canonical_json()
    assert np.isfinite(fitted.appraise(OFFER).record_values).all()


def test_what_is_carried_is_what_is_there(fitted: PriceFunction, tmp_path: Path) -> None:
    fitted.save(tmp_path)
    tensors = load_file(tmp_path / "tensors.safetensors")
    manifest = fitted.manifest
    assert {leak.tensor: leak.bytes for leak in manifest.leaks} == {n: t.nbytes for n, t in tensors.items()}
    assert all(leak.carries and "not described" not in leak.carries for leak in manifest.leaks)
    held = {}
    for whose, part in (("owner", "base"), ("validation", "validation")):
        held[whose] = len(tensors.get(f"{part}.x", tensors.get(f"{part}.raw", ())))
    assert held == {"owner": manifest.carried.owner_records, "validation": manifest.carried.validation_records}
    assert manifest.carried.bytes == sum(tensor.nbytes for tensor in tensors.values())
    assert manifest.carried.copy_fidelity >= manifest.fidelity


def test_methods_that_need_no_records_carry_none(fitted: PriceFunction) -> None:
    carries = {name for name in fitted.tensors if name.startswith(("base.x", "base.raw", "base.y", "validation."))}
    assert bool(carries) == (fitted.manifest.method not in ("influence", "update", "loss", "ridge"))


def test_a_weak_surrogate_does_not_hide_what_its_records_give_away() -> None:
    """One small tree says little of the model; who trains on the records beside it has the model."""
    held = machines(2, normal=120, wear=120)
    function = fit(MODEL, OWNER, validation=held, method="tree", settings={"leaves": 2}, decay=2e-3)
    assert function.manifest.carried.copy_fidelity > 0.95
    assert function.manifest.carried.owner_records == OWNER.n


@pytest.mark.parametrize("method", ["distillation", "forest", "knn", "retraining", "ridge"])
def test_a_regression_is_priced_alike_after_it_was_saved(method: str, tmp_path: Path) -> None:
    owner, held = hours(4, 300), hours(5, 120)

    class Line:
        def __init__(self) -> None:
            self.line = LinearRegression().fit(owner.x[:, :4], owner.y)

        def __call__(self, features):
            return self.line.predict(features.iloc[:, :4].to_numpy())

    function = fit(Line(), owner, validation=held, method=method, decay=2e-3)
    function.save(tmp_path)
    assert function.manifest.metric == "squared_error"
    assert function.fidelity > 0.5
    loaded = PriceFunction.load(tmp_path)
    assert loaded.method.set_value(hours(6, 30)) == function.method.set_value(hours(6, 30))


@pytest.mark.parametrize(
    ("settings", "said"),
    [({"nothing": 1}, "expected a setting of forest among"), ({"trees": "many"}, "to be like 200, got 'many'")],
)
def test_a_setting_that_a_method_does_not_have_is_refused(settings: dict[str, object], said: str) -> None:
    with pytest.raises(DataError, match=said):
        fit(MODEL, OWNER, validation=HELD, method="forest", settings=settings, decay=2e-3)
