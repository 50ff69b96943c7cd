"""Keys at rest: the Ethereum keystore that signs, and the age identity that deliveries are enveloped to.

Both are encrypted under a password, written with mode 0600, read back before anything relies on them, and never
overwritten.
"""

import json
from pathlib import Path

from eth_account import Account
from eth_account.signers.local import LocalAccount

from assay import envelope, passphrase
from assay.errors import EnvelopeInvalid, KeysError, KeystoreExists, KeystoreInvalid, PasswordWrong, SettingsError
from assay.files import private_folder, write_new
from assay.protocol.types import parse_address


def read_password(path: Path) -> str:
    """A password, alone in its file.

    Raises:
        SettingsError: The file cannot be read, or is not text.
    """
    try:
        return path.read_text().rstrip("\r\n")
    except OSError as error:
        raise SettingsError(f"cannot read the password file {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SettingsError(f"cannot read the password file {path}: it is not text") from None


def create_keystore(path: Path, password: str, *, private_key: bytes | None = None) -> LocalAccount:
    """Makes a key, or takes ``private_key`` (32 bytes), and stores it encrypted at ``path``.

    Raises:
        KeystoreExists: A file exists at ``path``.
        KeysError: The password is empty, or the file does not read back.
    """
    _check_new(path, password)
    account: LocalAccount = Account.from_key(private_key) if private_key else Account.create()
    _write(path, Account.encrypt(account.key, password))
    if load_account(path, password).address != account.address:
        raise KeysError(f"the keystore at {path} does not read back", hint="do not use it; check the disk")
    return account


def read_private_key(path: Path) -> bytes:
    """A private key in hex, alone in its file: 32 bytes.

    Raises:
        KeysError: The file holds something else.
    """
    try:
        key = bytes.fromhex(_read(path).decode().strip().removeprefix("0x"))
        Account.from_key(key)  # refuses other lengths, and what lies outside the curve's range
    except ValueError:
        raise KeysError(f"expected a private key of 32 bytes in hex at {path}, got something else") from None
    return key


def load_account(path: Path, password: str) -> LocalAccount:
    """Opens a keystore.

    Raises:
        KeystoreInvalid: The file is missing, or is not a keystore.
        PasswordWrong: The password does not open the file.
    """
    content = _read(path)
    try:
        keystore = json.loads(content)
        key = Account.decrypt(keystore, password)
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError):
        raise _no_keystore(path) from None
    except ValueError as error:
        if "MAC" in str(error):
            raise PasswordWrong(
                f"the password does not open {path}", hint="try again, or restore the file from a copy"
            ) from None
        raise _no_keystore(path, f"one that cannot be read: {error}") from None
    except (KeyError, TypeError, AttributeError, NotImplementedError) as error:
        raise _no_keystore(path, f"one that cannot be read: {error!r}") from None
    account: LocalAccount = Account.from_key(key)
    # A keystore's checksum leaves out its initialisation vector: with another one, another key comes out.
    named = str(next((value for name, value in keystore.items() if name.lower() == "address"), "") or account.address)
    if named.lower().removeprefix("0x") != account.address[2:].lower():
        raise KeystoreInvalid(f"{path} was altered: it opens to the key of {account.address}, and names another")
    return account


def address_of(path: Path) -> str | None:
    """Address of a keystore, without its password; None if it names none, which its format allows.

    Raises:
        KeystoreInvalid: The file is missing, or is not a keystore.
    """
    try:
        keystore = {name.lower(): value for name, value in json.loads(_read(path)).items()}
        if not isinstance(keystore["crypto"], dict):
            raise TypeError
        named = keystore.get("address")
        # Other programs write it without prefix, in capitals, or with the case of letters left to chance.
        return parse_address(str(named).lower()) if named else None
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        raise _no_keystore(path) from None


def exposure(path: Path) -> str | None:
    """What to say if others on this machine can read the key file at ``path``; None if they cannot."""
    try:
        readable = path.stat().st_mode & 0o077
    except OSError:
        return None
    return f"others on this machine can read {path}: chmod 600 {path}" if readable else None


def _no_keystore(path: Path, cause: str = "something else") -> KeystoreInvalid:
    return KeystoreInvalid(
        f"expected an Ethereum keystore (JSON, version 3) at {path}, got {cause}",
        hint="name a keystore: --keystore; or make one of a private key: assay keys new --private-key-file FILE",
    )


def create_identity(path: Path, password: str) -> str:
    """Makes an age identity and stores it encrypted at ``path``; returns its recipient (``age1...``).

    Raises:
        KeystoreExists: A file exists at ``path``.
    """
    _check_new(path, password)
    identity = envelope.new_identity()
    recipient = envelope.public_of(identity)
    sealed = passphrase.encrypt(identity.encode(), password)
    _write(path, {"recipient": recipient, "identity": sealed.hex()})
    if load_identity(path, password) != identity:
        raise KeysError(f"the identity at {path} does not read back", hint="do not use it; check the disk")
    return recipient


def load_identity(path: Path, password: str) -> str:
    """Opens an identity file: ``AGE-SECRET-KEY-1...``.

    Raises:
        KeystoreInvalid: The file is missing, or is not an identity file.
        PasswordWrong: The password does not open the file.
        KeysError: Opening it takes more work than this machine does in seconds.
    """
    try:
        sealed = bytes.fromhex(json.loads(_read(path))["identity"])
    except (KeyError, TypeError, ValueError):
        raise KeystoreInvalid(f"expected an identity file (JSON) at {path}, got something else") from None
    try:
        identity = passphrase.decrypt(sealed, password)
    except PasswordWrong:
        raise PasswordWrong(
            f"the password does not open {path}", hint="try again, or restore the file from a copy"
        ) from None
    try:
        return identity.decode()
    except UnicodeDecodeError:
        raise KeystoreInvalid(f"expected an age identity in {path}, got something else") from None


def recipient_at(path: Path) -> str:
    """Recipient of an identity file, without its password."""
    try:
        recipient: str = json.loads(_read(path))["recipient"]
        envelope.delivery_key_of(recipient)
        return recipient
    except (KeyError, TypeError, ValueError, AttributeError, EnvelopeInvalid):
        raise KeystoreInvalid(f"expected an identity file (JSON) at {path}, got something else") from None


def _check_new(path: Path, password: str) -> None:
    if not password:
        raise KeysError("expected a password, got an empty one", hint="a key without a password is anybody's")
    if path.exists():
        raise _exists(path)
    private_folder(path.parent)


def _write(path: Path, content: object) -> None:
    try:
        write_new(path, json.dumps(content, indent=2).encode() + b"\n")
    except FileExistsError:
        raise _exists(path) from None


def _exists(path: Path) -> KeystoreExists:
    return KeystoreExists(f"{path} exists", hint="choose another name; a key is never overwritten")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise KeystoreInvalid(f"expected a file at {path}, found none", hint="make one: assay keys new") from None
    except OSError as error:
        raise KeystoreInvalid(f"cannot read {path}: {error.strerror}") from None
