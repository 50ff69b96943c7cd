"""Keys that are quick to open are opened by the same functions as those of the commands."""

from pathlib import Path

import pytest

from assay import envelope, keys
from assay.errors import PasswordWrong
from assay_oracle.keys import vault
from tests.kit.actors import oracle_account
from tests.kit.light_keys import write_identity, write_vault

pytestmark = pytest.mark.unit


def test_an_identity_opens_to_what_was_written(tmp_path: Path) -> None:
    identity = envelope.new_identity()
    write_identity(tmp_path / "identity.json", identity, "secret")
    assert keys.load_identity(tmp_path / "identity.json", "secret") == identity
    assert keys.recipient_at(tmp_path / "identity.json") == envelope.public_of(identity)
    with pytest.raises(PasswordWrong):
        keys.load_identity(tmp_path / "identity.json", "another")


def test_a_vault_opens(tmp_path: Path) -> None:
    write_vault(tmp_path, bytes(oracle_account.key), "secret")
    opened = vault.open_vault(tmp_path, "secret")
    assert opened.account is not None
    assert opened.account.address == oracle_account.address
