"""How the daemon's appraisers are made from artifacts."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from assay_oracle.appraisers.remote import ProcessSession
from assay_oracle.cli.main import main
from assay_oracle.cli.serve import load_appraisers, pricing_pool
from assay_oracle.settings import ModelEntry, Settings
from assay_pricing import artifact
from assay_pricing.errors import ArtifactError, FidelityError
from assay_pricing.function import PriceFunction
from tests.kit.data import LinePrices
from tests.pricing.contexts import manifest

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
    monkeypatch.setattr(LinePrices, "encoders", None, raising=False)
    load = load_appraisers(Settings(max_context_bytes=7))
    first, second = load(ENTRY), load(ENTRY)
    assert first._cache is second._cache
    assert first._cache._max_bytes == 7


def test_the_daemon_knows_a_price_function_without_torch(tmp_path: Path) -> None:
    artifact.write(tmp_path / "price", *artifact.finalize(manifest(), {"a": torch.zeros(1)}))
    program = """
import sys
from pathlib import Path
import assay_oracle.server.daemon
from assay_oracle.cli.serve import load_appraisers, mark_used, pricing_pool
from assay_oracle.settings import ModelEntry, Settings
entry = ModelEntry(id=bytes(32), artifact=Path(sys.argv[1]))
info = load_appraisers(Settings(), pricing_pool(Settings()))(entry).info
mark_used(entry)
print(info.hash.hex(), {"torch", "sklearn", "pandas", "pyarrow"} & set(sys.modules))
"""
    command = [sys.executable, "-c", program, str(tmp_path / "price")]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert shown == f"{artifact.read(tmp_path / 'price')[0].hash.hex()} set()\n"


def test_the_daemon_refuses_what_the_pricing_process_would(tmp_path: Path) -> None:
    load = load_appraisers(Settings(), pricing_pool(Settings()))
    for name, fidelity in (("altered", 0.98), ("unfaithful", 0.5)):
        stated = manifest().model_copy(update={"fidelity": fidelity})
        artifact.write(tmp_path / name, *artifact.finalize(stated, {"a": torch.zeros(1)}))
    tensors = tmp_path / "altered" / "tensors.safetensors"
    tensors.write_bytes(tensors.read_bytes()[:-1] + b"!")
    with pytest.raises(ArtifactError, match="got altered files"):
        load(ModelEntry(id=bytes(32), artifact=tmp_path / "altered"))
    with pytest.raises(FidelityError):
        load(ModelEntry(id=bytes(32), artifact=tmp_path / "unfaithful"))


def test_a_method_that_this_version_has_not_is_refused_at_load(tmp_path: Path) -> None:
    """With a process that prices, too, which would meet it at the first offer alone."""
    stated = manifest().model_copy(update={"method": "telepathy"})
    artifact.write(tmp_path / "price", *artifact.finalize(stated, {"a": torch.zeros(1)}))
    with pytest.raises(ArtifactError, match=r"expected a method among .*distillation.*, got 'telepathy'") as caught:
        load_appraisers(Settings(), pricing_pool(Settings()))(ModelEntry(id=bytes(32), artifact=tmp_path / "price"))
    assert "fitted it" in str(caught.value.hint)


def test_check_names_what_keeps_the_pricing_process_from_loading_a_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A library may want more than the confined process has: no other process notices."""

    def fails(session: ProcessSession) -> None:
        raise OSError("the pricing process cannot load a price function: no temporary directory")

    monkeypatch.setattr(ProcessSession, "load", fails)
    artifact.write(tmp_path / "price", *artifact.finalize(manifest(), {"a": torch.zeros(1)}))
    config = tmp_path / "oracle.toml"
    config.write_text(f'[[models]]\nid = "0x{bytes(32).hex()}"\nartifact = "{tmp_path / "price"}"\n')
    shown = CliRunner().invoke(main, ["check", "--config", str(config)])
    assert "model 0x00000000 artifact: the pricing process cannot load a price function: no temp" in shown.output
    assert shown.exit_code == 1
