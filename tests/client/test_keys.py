"""Keys at rest: encrypted, private, read back, never overwritten, and never told to whoever has no password."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from assay import envelope, keys
from assay.errors import KeysError, KeystoreExists, KeystoreInvalid, PasswordWrong
from tests.kit.light_keys import write_identity, write_keystore

pytestmark = pytest.mark.unit

PASSWORD = "correct horse"
PRIVATE = b"\x0b" * 32


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A keystore and an identity."""
    folder = tmp_path_factory.mktemp("keys") / "deep" / "folder"
    keys.create_keystore(folder / "keystore.json", PASSWORD, private_key=PRIVATE)
    keys.create_identity(folder / "identity.json", PASSWORD)
    return folder / "keystore.json", folder / "identity.json"


@pytest.fixture(scope="module")
def light(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A keystore and an identity of the same form, quick to open: for what does not depend on how they were made."""
    folder = tmp_path_factory.mktemp("light")
    write_keystore(folder / "keystore.json", PRIVATE, PASSWORD)
    write_identity(folder / "identity.json", envelope.new_identity(), PASSWORD)
    return folder / "keystore.json", folder / "identity.json"


def test_keystore_opens_to_its_key(made: tuple[Path, Path]) -> None:
    account = keys.load_account(made[0], PASSWORD)
    assert account.key == PRIVATE
    assert account.address == keys.address_of(made[0]) == Account.from_key(PRIVATE).address


def test_identity_opens_to_its_recipient(made: tuple[Path, Path]) -> None:
    identity = keys.load_identity(made[1], PASSWORD)
    assert envelope.public_of(identity) == keys.recipient_at(made[1])


def test_files_are_private_and_hold_no_secret(made: tuple[Path, Path]) -> None:
    for path in made:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert PRIVATE.hex() not in path.read_text()
        assert "AGE-SECRET-KEY" not in path.read_text()
    assert stat.S_IMODE(made[0].parent.stat().st_mode) == 0o700
    assert {path.name for path in made[0].parent.iterdir()} == {"keystore.json", "identity.json"}


@pytest.mark.parametrize("load", [0, 1], ids=["keystore", "identity"])
def test_wrong_password(light: tuple[Path, Path], load: int) -> None:
    with pytest.raises(PasswordWrong, match="does not open") as raised:
        (keys.load_account, keys.load_identity)[load](light[load], "wrong")
    assert PRIVATE.hex() not in str(raised.value)
    assert raised.value.hint == "try again, or restore the file from a copy"


@pytest.mark.parametrize("create", [keys.create_keystore, keys.create_identity])
def test_nothing_is_overwritten(tmp_path: Path, create: Any) -> None:
    path = tmp_path / "key.json"
    path.write_text("mine")
    with pytest.raises(KeystoreExists, match="exists"):
        create(path, PASSWORD)
    assert path.read_text() == "mine"


def test_key_made_meanwhile_by_another_is_not_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "keystore.json"
    encrypt = Account.encrypt

    def slow(*arguments: Any) -> Any:
        path.write_text("another's")
        return encrypt(*arguments, kdf="pbkdf2", iterations=1)

    monkeypatch.setattr(keys.Account, "encrypt", slow)
    with pytest.raises(KeystoreExists):
        keys.create_keystore(path, PASSWORD)
    assert path.read_text() == "another's"


def test_link_is_not_followed_to_something_else(tmp_path: Path) -> None:
    target = tmp_path / "elsewhere"
    (tmp_path / "identity.json").symlink_to(target)
    with pytest.raises(KeystoreExists):
        keys.create_identity(tmp_path / "identity.json", PASSWORD)
    assert not target.exists()


@pytest.mark.parametrize("create", [keys.create_keystore, keys.create_identity])
def test_empty_password(tmp_path: Path, create: Any) -> None:
    with pytest.raises(KeysError, match="expected a password"):
        create(tmp_path / "key.json", "")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("create", [keys.create_keystore, keys.create_identity])
def test_file_that_does_not_read_back(tmp_path: Path, create: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "load_account", lambda *_: Account.from_key(b"\x02" * 32))
    monkeypatch.setattr(keys, "load_identity", lambda *_: "another")
    with pytest.raises(KeysError, match="does not read back"):
        create(tmp_path / "key.json", PASSWORD)


FOREIGN = (
    b"",
    b"{",
    b"[]",
    b"null",
    b"7",
    b'"text"',
    b"{}",
    b"\xff\xfe",
    b'{"address": 7, "identity": 7, "recipient": {}}',
)


@pytest.mark.parametrize("content", FOREIGN, ids=repr)
def test_foreign_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "key.json"
    path.write_bytes(content)
    for call in (keys.load_account, keys.load_identity):
        with pytest.raises(KeystoreInvalid):
            call(path, PASSWORD)
    for show in (keys.address_of, keys.recipient_at):
        with pytest.raises(KeystoreInvalid):
            show(path)


def other_program(light: Path, *, address: str | None, kdf: str, capitals: bool = False) -> dict[str, Any]:
    """A keystore as another program writes it: with or without address, by either derivation, members in capitals."""
    parameters: dict[str, Any] = (
        {"kdf": "scrypt", "iterations": 2} if kdf == "scrypt" else {"kdf": kdf, "iterations": 2}
    )
    keystore = Account.encrypt(PRIVATE, PASSWORD, **parameters)
    del keystore["address"]
    if address is not None:
        keystore["address"] = address
    return {name.capitalize() if capitals and name == "crypto" else name: value for name, value in keystore.items()}


ADDRESS = Account.from_key(PRIVATE).address


@pytest.mark.parametrize("kdf", ["scrypt", "pbkdf2"])
@pytest.mark.parametrize(
    "address",
    [
        None,
        "",
        ADDRESS,
        ADDRESS[2:],
        ADDRESS.lower(),
        ADDRESS[2:].lower(),
        ADDRESS[2:].upper(),
        "0x" + ADDRESS[2:].upper(),
        "0X" + ADDRESS[2:].upper(),
        ADDRESS.swapcase().replace("0X", "0x"),
    ],
)
def test_keystore_of_another_program(light: tuple[Path, Path], tmp_path: Path, address: str | None, kdf: str) -> None:
    """The address is optional in the format: Foundry writes none, geth writes it in small letters without prefix."""
    path = tmp_path / "UTC--2026-01-01T00-00-00.0Z--key"
    path.write_text(json.dumps(other_program(light[0], address=address, kdf=kdf)))
    assert keys.load_account(path, PASSWORD).address == ADDRESS
    assert keys.address_of(path) == (ADDRESS if address else None)
    with pytest.raises(PasswordWrong):
        keys.load_account(path, "wrong")


def test_keystore_with_members_in_capitals(light: tuple[Path, Path], tmp_path: Path) -> None:
    path = tmp_path / "keystore.json"
    path.write_text(json.dumps(other_program(light[0], address=None, kdf="pbkdf2", capitals=True)))
    assert keys.load_account(path, PASSWORD).address == ADDRESS
    assert keys.address_of(path) is None


@pytest.mark.parametrize("content", [b"0x" + 32 * b"0b", b'{"version": 3}', b"[" * 100_000, b'{"crypto": 7}'])
def test_what_is_no_keystore_tells_what_to_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "key.json"
    path.write_bytes(content)
    for call in (lambda: keys.load_account(path, PASSWORD), lambda: keys.address_of(path)):
        with pytest.raises(KeystoreInvalid, match="expected an Ethereum keystore") as raised:
            call()
        assert "--keystore" in str(raised.value.hint)


@pytest.mark.parametrize(
    ("mode", "told"), [(0o600, False), (0o400, False), (0o640, True), (0o604, True), (0o666, True)]
)
def test_key_file_that_others_can_read_is_told(tmp_path: Path, mode: int, told: bool) -> None:
    path = tmp_path / "key.json"
    path.touch()
    path.chmod(mode)
    assert (f"chmod 600 {path}" in str(keys.exposure(path))) is told
    assert keys.exposure(tmp_path / "none") is None


def test_password_file_of_windows(tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_bytes(b"secret\r\n")
    assert keys.read_password(path) == "secret"


def test_missing_file_tells_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(KeystoreInvalid, match="found none") as raised:
        keys.load_account(tmp_path / "none.json", PASSWORD)
    assert raised.value.hint == "make one: assay keys new"


def test_folder_in_a_files_place(tmp_path: Path) -> None:
    with pytest.raises(KeystoreInvalid, match="cannot read"):
        keys.load_account(tmp_path, PASSWORD)


@pytest.mark.parametrize(
    "changes",
    [{"kdf": "rot13"}, {"mac": "00"}, {"ciphertext": "zz"}, {"kdfparams": {}}, {"kdfparams": 7}],
    ids=str,
)
def test_altered_keystore(light: tuple[Path, Path], tmp_path: Path, changes: dict[str, Any]) -> None:
    keystore = json.loads(light[0].read_text())
    keystore["crypto"].update(changes)
    path = tmp_path / "keystore.json"
    path.write_text(json.dumps(keystore))
    with pytest.raises(KeysError):
        keys.load_account(path, PASSWORD)


def test_keystore_altered_where_its_checksum_does_not_look(light: tuple[Path, Path], tmp_path: Path) -> None:
    keystore = json.loads(light[0].read_text())
    keystore["crypto"]["cipherparams"]["iv"] = 32 * "0"
    path = tmp_path / "keystore.json"
    path.write_text(json.dumps(keystore))
    with pytest.raises(KeystoreInvalid, match="was altered: it opens to the key of"):
        keys.load_account(path, PASSWORD)


@pytest.mark.parametrize("content", ["00" * 32, "ff" * 32, "0b" * 31, "key"], ids=["zero", "large", "short", "text"])
def test_private_key_that_is_none(tmp_path: Path, content: str) -> None:
    path = tmp_path / "private.hex"
    path.write_text(content)
    with pytest.raises(KeysError, match="expected a private key of 32 bytes in hex"):
        keys.read_private_key(path)


def test_altered_identity(light: tuple[Path, Path], tmp_path: Path) -> None:
    stored = json.loads(light[1].read_text())
    stored["identity"] = stored["identity"][:-2] + "00"
    path = tmp_path / "identity.json"
    path.write_text(json.dumps(stored))
    with pytest.raises(KeysError):
        keys.load_identity(path, PASSWORD)
