"""The oracle's three secrets in one folder: the signing key, the age identity, and the secret of its keyed digests.

    <data>/keys/keystore.json   Ethereum keystore; without it the daemon runs dry
                identity.json   age identity, encrypted under the same password
                secret.age      32 bytes, encrypted to that identity
                next.json       while the signing key is rotated: the keystore that takes the first one's place
                retired-*.json  keystores that were replaced, by address

The identity and the secret outlive any signing key: with another secret, priced records would appear to be new.
"""

import secrets
from dataclasses import dataclass, replace
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from eth_account.signers.local import LocalAccount

from assay import envelope, keys
from assay.errors import EnvelopeInvalid, KeysError, KeystoreExists, KeystoreInvalid
from assay.files import sync_folder, write_whole
from assay_oracle.keys.remote import RemoteAccount
from assay_oracle.ledger.content import SECRET_BYTES, ContentDigests
from assay_oracle.settings import JOURNAL


@dataclass(frozen=True, repr=False)
class Vault:
    """The decrypted secrets; ``account`` is None in a folder without a keystore.

    ``account`` sends transactions and signs; ``next_account`` signs for models that name it, while keys are rotated.

    ``access_key``, 32 bytes, makes session tokens and challenges. It is derived from the other secrets, so that daemons
    with one vault accept each other's; members of a committee share the secret of the digests, and no identity.
    """

    account: LocalAccount | RemoteAccount | None
    identity: str
    digests: ContentDigests
    access_key: bytes
    next_account: LocalAccount | RemoteAccount | None = None

    @property
    def accounts(self) -> tuple[LocalAccount | RemoteAccount, ...]:
        """The accounts that sign; none in a folder without a keystore."""
        return tuple(account for account in (self.account, self.next_account) if account is not None)

    @property
    def recipient(self) -> str:
        """Age recipient (``age1...``) that sellers encrypt to."""
        return envelope.public_of(self.identity)


def folder_of(data_dir: Path) -> Path:
    """The folder of the secrets in a data folder."""
    return data_dir / "keys"


def next_keystore(data_dir: Path) -> Path:
    """Where the keystore is that takes the present one's place."""
    return folder_of(data_dir) / "next.json"


def begin_rotation(data_dir: Path, password: str, private_key: bytes | None) -> str:
    """Makes the next signing key, encrypted under the password of the others; its address.

    Raises:
        KeystoreExists: There is one already.
        PasswordWrong: The others have another password.
    """
    open_vault(data_dir, password)
    account = keys.create_keystore(next_keystore(data_dir), password, private_key=private_key)
    return str(account.address)


def end_rotation(data_dir: Path) -> tuple[str, str]:
    """Puts the next keystore in the place of the present one, which is kept; both addresses, the replaced one first.

    A crash in between leaves no keystore in place, and both under names that tell which they are; the same call ends
    it.

    Raises:
        KeystoreInvalid: There is no next keystore.
    """
    folder, coming = folder_of(data_dir), next_keystore(data_dir)
    if not coming.exists():
        raise KeystoreInvalid(
            f"expected {coming}, found none", hint="begin a rotation first: assay-oracle rotate begin"
        )
    present, address = _files(folder)[0], keys.address_of(coming)
    replaced = keys.address_of(present) if present.exists() else None
    if present.exists():
        present.rename(folder / f"retired-{replaced}.json")
    coming.rename(present)
    sync_folder(folder)
    return str(replaced), str(address)


def address_of(data_dir: Path) -> str:
    """The oracle's address, without its password.

    Raises:
        KeystoreInvalid: There is no keystore, or it cannot be read.
    """
    keystore = _files(folder_of(data_dir))[0]
    address = keys.address_of(keystore)
    if address is None:
        raise KeystoreInvalid(
            f"expected a keystore that names its address at {keystore}, got one that does not",
            hint='add "address" to it, as a member of the JSON object',
        )
    return address


def create(
    data_dir: Path,
    password: str,
    *,
    private_key: bytes | None = None,
    with_key: bool = True,
    secret: bytes | None = None,
) -> Vault:
    """Creates the missing secrets, encrypted under ``password``, mode 0600, and reads them back.

    Args:
        data_dir: The data folder.
        password: Encrypts them.
        private_key: The signing key, 32 bytes; a random one without it.
        with_key: Whether there is to be a signing key.
        secret: The secret of the digests, ``SECRET_BYTES`` bytes; a random one without it.

    Raises:
        KeystoreExists: All secrets exist, or another secret of the digests than ``secret``.
        KeystoreInvalid: There is a journal, and a secret that it was written with is missing.
        PasswordWrong: Some exist, under another password.
    """
    folder = folder_of(data_dir)
    if (data_dir / JOURNAL).exists():
        _check_present(data_dir)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    keystore, identity_file, secret_file = _files(folder)
    if identity_file.exists() and secret_file.exists() and (keystore.exists() or not with_key):
        raise KeystoreExists(
            f"expected no keys in {folder}, found the oracle's", hint="keys are never overwritten: name another folder"
        )
    if not identity_file.exists():
        keys.create_identity(identity_file, password)
    identity = keys.load_identity(identity_file, password)
    if secret is not None and secret_file.exists() and envelope.unwrap_key(identity, secret_file.read_text()) != secret:
        raise KeystoreExists(
            f"expected the secret at {secret_file} to be the given one, found another",
            hint="a secret is never replaced: name another folder",
        )
    if not secret_file.exists():
        secret = secret or secrets.token_bytes(SECRET_BYTES)
        write_whole(secret_file, envelope.wrap_key(envelope.public_of(identity), secret).encode())
        if envelope.unwrap_key(identity, secret_file.read_text()) != secret:
            raise KeysError(f"the secret at {secret_file} does not read back", hint="do not use it; check the disk")
    if with_key and not keystore.exists():
        keys.create_keystore(keystore, password, private_key=private_key)
    return open_vault(data_dir, password)


def open_vault(data_dir: Path, password: str) -> Vault:
    """Decrypts the secrets of a data folder.

    Raises:
        KeystoreInvalid: Identity or secret are missing or damaged.
        PasswordWrong: The password is wrong.
    """
    _check_present(data_dir)
    keystore, identity_file, secret_file = _files(folder_of(data_dir))
    identity = keys.load_identity(identity_file, password)
    try:
        secret = envelope.unwrap_key(identity, secret_file.read_text())
        digests = ContentDigests(secret)
    except (EnvelopeInvalid, ValueError):  # UnicodeDecodeError is one
        raise KeystoreInvalid(
            f"expected the oracle's secret at {secret_file}, got something else",
            hint="restore it from a backup: without it the oracle does not recognise what it priced",
        ) from None
    account = keys.load_account(keystore, password) if keystore.exists() else None
    coming = next_keystore(data_dir)
    next_account = keys.load_account(coming, password) if account is not None and coming.exists() else None
    return Vault(account, identity, digests, _access_key(secret, identity), next_account)


def open_with_signer(
    data_dir: Path, password: str, url: str, address: str | None, next_address: str | None = None
) -> Vault:
    """The secrets of a data folder; the accounts are those whose keys the signer at ``url`` holds, if there is one.

    Raises:
        KeystoreInvalid: As ``open_vault``; or there are both, a signer and a keystore.
        KeysError: The signer does not answer, or does not hold the key.
    """
    vault = open_vault(data_dir, password)
    if not url:
        return vault
    if vault.account is not None or address is None:
        raise KeystoreInvalid(
            "expected one holder of the signing key, with its address, got "
            + ("a signer without an address" if address is None else "a signer and a keystore"),
            hint="set signer_address, and move keystore.json out of keys/; or leave `signer` empty",
        )
    coming = RemoteAccount(url, next_address) if next_address else None
    return replace(vault, account=RemoteAccount(url, address), next_account=coming)


def _access_key(secret: bytes, identity: str) -> bytes:
    """The key of tokens and challenges (HKDF, RFC 5869)."""
    return HKDF(SHA256(), 32, salt=None, info=b"assay/access/v2").derive(secret + identity.encode())


def read_files(data_dir: Path) -> dict[str, str]:
    """The files of the secrets by name, encrypted as they are."""
    return {path.name: path.read_text() for path in _all_files(data_dir) if path.exists()}


def write_files(data_dir: Path, files: dict[str, str]) -> None:
    """Writes what ``read_files`` gave into an empty folder.

    Raises:
        KeystoreInvalid: There are other names among them.
    """
    folder = folder_of(data_dir)
    known = {path.name for path in _all_files(data_dir)}
    if not set(files) <= known:
        raise KeystoreInvalid(f"expected files {', '.join(sorted(known))}, got {', '.join(sorted(files))}")
    folder.mkdir(mode=0o700)
    for name, content in files.items():
        write_whole(folder / name, content.encode())


def check_place(data_dir: Path, files: dict[str, str]) -> None:
    """Checks that the secrets of a data folder are missing, or are these.

    Raises:
        KeystoreExists: There are others.
    """
    if folder_of(data_dir).exists() and read_files(data_dir) != files:
        raise KeystoreExists(
            f"expected no keys in {folder_of(data_dir)}, found others than those of the backup",
            hint="keys are never overwritten: name another folder",
        )


def put_in_place(source: Path, data_dir: Path) -> None:
    """Moves the secrets of the data folder ``source`` to ``data_dir``, all at once, unless they are there."""
    if not folder_of(data_dir).exists():
        folder_of(source).rename(folder_of(data_dir))
        sync_folder(data_dir)


def _check_present(data_dir: Path) -> None:
    """Checks that identity and secret exist. New ones are none of those that a journal was written with.

    Raises:
        KeystoreInvalid: One is missing.
    """
    for file in _files(folder_of(data_dir))[1:]:
        if not file.exists():
            hint = "make the oracle's keys: assay-oracle init"
            if (data_dir / JOURNAL).exists():
                hint = "restore it from a backup: with a new one the oracle would price again what its journal has"
            raise KeystoreInvalid(f"expected {file}, found none", hint=hint)


def _all_files(data_dir: Path) -> tuple[Path, ...]:
    return *_files(folder_of(data_dir)), next_keystore(data_dir)


def _files(folder: Path) -> tuple[Path, Path, Path]:
    return folder / "keystore.json", folder / "identity.json", folder / "secret.age"
