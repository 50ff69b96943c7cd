"""Settings: from the environment, secrets not shown, impossible values refused."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from assay.settings import Settings

pytestmark = pytest.mark.unit


def test_environment_and_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_CHAIN", "5")
    monkeypatch.setenv("ASSAY_HOME", "/somewhere")
    assert Settings().chain == 5
    assert Settings().keystore_path == Path("/somewhere/keystore.json")
    assert Settings(chain=7).chain == 7
    assert Settings(keystore=Path("/key")).keystore_path == Path("/key")


def test_password_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_PASSWORD", "secret words")
    assert "secret words" not in repr(Settings()) + str(Settings().model_dump())


@pytest.mark.parametrize(("name", "value"), [("CHAIN", "abc"), ("CONFIRMATIONS", "-1")])
def test_impossible_value(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"ASSAY_{name}", value)
    with pytest.raises(ValidationError):
        Settings()
