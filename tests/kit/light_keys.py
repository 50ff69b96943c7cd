"""Key files that are quick to open: a test's password protects nothing, and scrypt takes a second each time."""

import base64
import hashlib
import hmac
import json
import secrets
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from eth_account import Account

from assay import envelope
from assay_oracle.keys import vault

_LOG_N = 1
_ITERATIONS = 1000


def write_keystore(path: Path, key: bytes, password: str) -> None:
    """An Ethereum keystore, as ``assay.keys.create_keystore`` writes it but for the cost of its key derivation."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(Account.encrypt(key, password, kdf="pbkdf2", iterations=_ITERATIONS)))
    path.chmod(0o600)


def write_identity(path: Path, identity: str, password: str) -> None:
    """An identity file, as ``assay.keys.create_identity`` writes it but for the cost of its key derivation."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sealed = encrypted(identity.encode(), password)
    path.write_text(json.dumps({"recipient": envelope.public_of(identity), "identity": sealed.hex()}))


def write_vault(data_dir: Path, key: bytes, password: str, *, secret: bytes | None = None) -> None:
    """The oracle's secrets, as ``assay_oracle.keys.vault.create`` leaves them."""
    folder, identity = vault.folder_of(data_dir), envelope.new_identity()
    write_keystore(folder / "keystore.json", key, password)
    write_identity(folder / "identity.json", identity, password)
    (folder / "secret.age").write_text(
        envelope.wrap_key(envelope.public_of(identity), secret or secrets.token_bytes(32))
    )


def encrypted(content: bytes, password: str) -> bytes:
    """``content`` in the age v1 format (age-encryption.org/v1) for a passphrase, with the lowest work factor."""
    file_key, salt, nonce = secrets.token_bytes(16), secrets.token_bytes(16), secrets.token_bytes(16)
    wrapping = hashlib.scrypt(
        password.encode(), salt=b"age-encryption.org/v1/scrypt" + salt, n=2**_LOG_N, r=8, p=1, dklen=32
    )
    body = ChaCha20Poly1305(wrapping).encrypt(bytes(12), file_key, None)
    header = b"age-encryption.org/v1\n-> scrypt %s %d\n%s\n---" % (_base64(salt), _LOG_N, _base64(body))
    mac = hmac.digest(_derived(file_key, b"", b"header"), header, "sha256")
    payload = ChaCha20Poly1305(_derived(file_key, nonce, b"payload")).encrypt(bytes(11) + b"\x01", content, None)
    return header + b" " + _base64(mac) + b"\n" + nonce + payload


def _derived(secret: bytes, salt: bytes, purpose: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt=salt, info=purpose).derive(secret)


def _base64(content: bytes) -> bytes:
    return base64.b64encode(content).rstrip(b"=")
