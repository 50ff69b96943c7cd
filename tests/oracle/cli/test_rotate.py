"""``assay-oracle rotate`` on a real chain: the next key is made, named by the model, and put in place."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from scripts.localnet import Node, account

from assay.chain.settlement import SettlementClient
from assay.errors import KeystoreInvalid
from assay.protocol.structs import ModelTerms
from assay_oracle.cli.main import main
from assay_oracle.keys import vault
from assay_oracle.keys.next_key import NextKey
from assay_oracle.settings import Settings
from tests.kit.actors import PASSWORD
from tests.kit.light_keys import write_keystore, write_vault
from tests.kit.web3signer import Web3Signer

owner, oracle, coming = account(1), account(2), account(3)
TERMS = ModelTerms(
    owner=owner.address,
    function_hash=bytes(32),
    delivery_key=bytes(32),
    max_price=1,
    reveal_window=3600,
    dispute_window=3600,
)


class Place:
    """A registered model and its oracle."""

    def __init__(self, node: Node, folder: Path) -> None:
        self.chain = SettlementClient.of(node.url, node.deploy(folder / "deployment.json"), account=owner)
        self.chain.register_model(TERMS, oracle.address)
        self.model = "0x" + self.chain.model_id(TERMS).hex()
        self.data = folder / "data"
        write_vault(self.data, bytes(oracle.key), PASSWORD)
        self.key = folder / "key"
        self.key.write_text(coming.key.hex())
        self.config = folder / "oracle.toml"
        self.config.write_text(
            f'data_dir = "data"\nnode = "{node.url}"\ndeployment = "deployment.json"\n'
            f'[[models]]\nid = "{self.model}"\nartifact = "price"\n'
        )

    def run(self, *arguments: str) -> Result:
        given = ["rotate", *arguments, "--config", str(self.config), "--json"]
        return CliRunner(mix_stderr=False).invoke(main, given, env={"ASSAY_ORACLE_PASSWORD": PASSWORD})

    def answer(self, *arguments: str) -> Any:
        result = self.run(*arguments)
        assert result.exit_code == 0, result.stderr
        return json.loads(result.stdout)


@pytest.mark.integration
def test_key_is_rotated_once_the_model_names_the_next_one(node: Node, tmp_path: Path) -> None:
    place = Place(node, tmp_path)
    assert "assay-oracle rotate begin" in place.run("finish").stderr
    begun = place.answer("begin", "--private-key-file", str(place.key))
    assert begun == {"oracle": oracle.address, "next": coming.address}
    assert place.run("begin").exit_code == 1, "a key is never written over"
    write_keystore(vault.next_keystore(place.data), bytes(coming.key), PASSWORD)
    shown = place.answer("show")
    assert shown == {"oracles": [oracle.address, coming.address], "models": {place.model: oracle.address}}
    refused = place.run("finish")
    assert refused.exit_code == 2
    assert f"expected no model whose oracle is {oracle.address}" in refused.stderr
    place.chain.set_oracle(TERMS, coming.address)
    assert place.answer("finish") == {"oracle": coming.address, "retired": oracle.address}
    opened = vault.open_vault(place.data, PASSWORD)
    assert [found.address for found in opened.accounts] == [coming.address]
    assert (vault.folder_of(place.data) / f"retired-{oracle.address}.json").exists()


@pytest.mark.unit
def test_rotation_that_a_crash_cut_off_is_ended_by_the_same_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_vault(tmp_path, bytes(oracle.key), PASSWORD)
    write_keystore(vault.next_keystore(tmp_path), bytes(coming.key), PASSWORD)
    rename, renamed = Path.rename, []

    def crash(path: Path, target: Path) -> Path:
        if renamed:
            raise KeyboardInterrupt
        renamed.append(path)
        return rename(path, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", crash)
        with pytest.raises(KeyboardInterrupt):
            vault.end_rotation(tmp_path)
    assert vault.open_vault(tmp_path, PASSWORD).accounts == (), "in between nothing is signed"
    vault.end_rotation(tmp_path)
    (account,) = vault.open_vault(tmp_path, PASSWORD).accounts
    assert account.address == coming.address
    with pytest.raises(KeystoreInvalid):
        vault.end_rotation(tmp_path)


@pytest.mark.unit
def test_next_key_is_found_once_and_a_keystore_that_does_not_open_is_named_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = Settings(data_dir=tmp_path)
    find, keystore = NextKey(lambda: settings, PASSWORD), vault.next_keystore(tmp_path)
    assert find(()) is None
    write_keystore(keystore, bytes(coming.key), "another password")
    for _ in range(3):
        assert find((oracle.address,)) is None
    assert caplog.text.count("next key not opened") == 1
    keystore.unlink()
    write_keystore(keystore, bytes(coming.key), PASSWORD)
    found = find((oracle.address,))
    assert found is not None
    assert found.address == coming.address
    assert find((oracle.address, coming.address)) is None


@pytest.mark.integration
def test_next_key_in_a_remote_signer_is_found_in_the_settings(tmp_path: Path) -> None:
    with Web3Signer(bytes(oracle.key), bytes(coming.key)) as signer:
        settings = Settings(data_dir=tmp_path, signer=signer.url, signer_address=oracle.address)
        find = NextKey(lambda: settings, PASSWORD)
        assert find((oracle.address,)) is None
        settings = settings.model_copy(update={"signer_next_address": coming.address})
        found = find((oracle.address,))
        assert found is not None
        assert found.address == coming.address


@pytest.mark.unit
def test_backup_has_the_next_key_too(tmp_path: Path) -> None:
    write_vault(tmp_path / "one", bytes(oracle.key), PASSWORD)
    write_keystore(vault.next_keystore(tmp_path / "one"), bytes(coming.key), PASSWORD)
    (tmp_path / "two").mkdir()
    vault.write_files(tmp_path / "two", vault.read_files(tmp_path / "one"))
    opened = vault.open_vault(tmp_path / "two", PASSWORD)
    assert [found.address for found in opened.accounts] == [oracle.address, coming.address]
