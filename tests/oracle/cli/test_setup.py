"""``assay-oracle init``: the secret that members of a committee share."""

from pathlib import Path

import pytest

from assay.errors import SettingsError
from assay_oracle.cli.setup import init

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("content", ["", "12", 63 * "a", 32 * "zz"])
def test_file_without_a_digest_secret_makes_no_keys(tmp_path: Path, content: str) -> None:
    for name, text in (("password", "secret"), ("digests", content)):
        (tmp_path / name).write_text(text)
    arguments = ["--data-dir", tmp_path / "oracle", "--config", tmp_path / "oracle.toml"]
    arguments += ["--password-file", tmp_path / "password", "--digest-secret-file", tmp_path / "digests"]
    with pytest.raises(SettingsError, match="expected 64 hex digits"):
        init.main(list(map(str, arguments)), standalone_mode=False)
    assert not (tmp_path / "oracle").exists()
