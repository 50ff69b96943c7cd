"""How the daemon's appraisers are made from artifacts."""

from pathlib import Path

import pytest

from assay_oracle.cli.serve import load_appraisers
from assay_oracle.settings import ModelEntry, Settings
from assay_pricing.errors import ArtifactError, FidelityError
from assay_pricing.function import PriceFunction
from tests.kit.data import LinePrices

pytestmark = pytest.mark.unit

ENTRY = ModelEntry(id=bytes(32), artifact=Path("price"))


class Checked(LinePrices):
    def check_fidelity(self) -> None:
        if self.manifest.fidelity < 0.98:
            raise FidelityError("expected a fidelity of 0.98, got 0.97")


def test_artifact_that_is_missing_is_refused(tmp_path: Path) -> None:
    load = load_appraisers(Settings())
    with pytest.raises(ArtifactError):
        load(ModelEntry(id=bytes(32), artifact=tmp_path / "none"))


def test_surrogate_that_does_not_stand_for_its_model_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PriceFunction, "load", lambda _: Checked())
    with pytest.raises(FidelityError):
        load_appraisers(Settings())(ENTRY)


def test_appraisers_of_all_models_share_one_bound_on_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PriceFunction, "load", lambda _: LinePrices())
    monkeypatch.setattr(LinePrices, "check_fidelity", lambda _: None, raising=False)
    load = load_appraisers(Settings(max_context_bytes=7))
    first, second = load(ENTRY), load(ENTRY)
    assert first._cache is second._cache
    assert first._cache._max_bytes == 7
