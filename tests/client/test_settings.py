"""Settings: from the environment, secrets not shown, impossible values refused."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from assay.chain.gas import DEFAULT_MAX_FEE
from assay.settings import Settings

pytestmark = pytest.mark.unit


def test_environment_and_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_CHAIN", "5")
    monkeypatch.setenv("ASSAY_HOME", "/somewhere")
    assert Settings().chain == 5
    assert Settings().keystore_path == Path("/somewhere/keystore.json")
    assert Settings(chain=7).chain == 7
    assert Settings(keystore=Path("/key")).keystore_path == Path("/key")


def test_members_of_a_committee_have_commas_between_their_urls() -> None:
    assert Settings(oracle="https://a.example, https://b.example").oracles == ("https://a.example", "https://b.example")
    assert Settings().oracles == ("http://127.0.0.1:8550",)


def test_password_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_PASSWORD", "secret words")
    assert "secret words" not in repr(Settings()) + str(Settings().model_dump())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CHAIN", "abc"),
        ("CONFIRMATIONS", "-1"),
        ("MAX_FEE", "0"),
        ("MAX_FEE", "much"),
        ("MAX_FEE", "1 USDC"),
        ("MAX_FEE", "-1"),
    ],
)
def test_impossible_value(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"ASSAY_{name}", value)
    with pytest.raises(ValidationError):
        Settings()


@pytest.mark.parametrize("written", ["0.5eth", "0.5 ETH", "500000000 gwei", str(5 * 10**17)])
def test_most_that_a_transaction_may_cost_is_an_amount_of_the_native_coin(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, written: str
) -> None:
    assert Settings(home=tmp_path).max_fee == DEFAULT_MAX_FEE
    (tmp_path / "config.toml").write_text(f'max_fee = "{written}"\n')
    assert Settings(home=tmp_path).max_fee == 5 * 10**17
    monkeypatch.setenv("ASSAY_MAX_FEE", "1eth")
    assert Settings(home=tmp_path).max_fee == 10**18
    assert Settings.read({"home": tmp_path, "max_fee": 7}).max_fee == 7
