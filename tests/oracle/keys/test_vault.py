"""The oracle's secrets: none is made anew where a journal was written with it."""

from pathlib import Path

import pytest

from assay.errors import KeystoreExists, KeystoreInvalid
from assay.protocol.types import ModelId
from assay_oracle.keys import vault
from assay_oracle.ledger.journal import Journal
from assay_oracle.settings import JOURNAL
from tests.kit.light_keys import write_vault

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("missing", ["identity.json", "secret.age"])
def test_secret_that_a_journal_was_written_with_is_not_made_anew(tmp_path: Path, missing: str) -> None:
    """With another secret every record that was priced would appear to be new, and be paid for again."""
    write_vault(tmp_path, b"\x01" * 32, "secret")
    Journal(f"sqlite:///{tmp_path / JOURNAL}", now=lambda: 0).close()
    (vault.folder_of(tmp_path) / missing).unlink()
    for use in (vault.open_vault, vault.create):
        with pytest.raises(KeystoreInvalid, match=missing) as refused:
            use(tmp_path, "secret")
        assert "backup" in str(refused.value.hint)
    assert not (vault.folder_of(tmp_path) / missing).exists()


def test_folder_without_a_journal_is_to_be_initialised(tmp_path: Path) -> None:
    with pytest.raises(KeystoreInvalid) as refused:
        vault.open_vault(tmp_path, "secret")
    assert "assay-oracle init" in str(refused.value.hint)


def test_members_of_a_committee_share_content_ids_and_no_sessions(tmp_path: Path) -> None:
    """One that could make another's tokens would be every seller there."""
    for name in ("one", "two"):
        write_vault(tmp_path / name, b"\x01" * 32, "secret", secret=bytes(range(32)))
    one, two = (vault.open_vault(tmp_path / name, "secret") for name in ("one", "two"))
    assert one.digests.committee_tag() == two.digests.committee_tag()
    assert one.digests.content_id(ModelId(bytes(32)), [b"a"]) == two.digests.content_id(ModelId(bytes(32)), [b"a"])
    assert one.access_key != two.access_key
    assert one.identity != two.identity
    assert vault.open_vault(tmp_path / "one", "secret").access_key == one.access_key


def test_secret_of_content_ids_is_not_replaced_by_another(tmp_path: Path) -> None:
    write_vault(tmp_path, b"\x01" * 32, "secret")
    (vault.folder_of(tmp_path) / "keystore.json").unlink()
    with pytest.raises(KeystoreExists, match="found another"):
        vault.create(tmp_path, "secret", secret=bytes(32))
    assert vault.open_vault(tmp_path, "secret").account is None
