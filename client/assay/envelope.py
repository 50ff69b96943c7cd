"""age envelopes (X25519): files and keys encrypted for the oracle or for the buyer.

A delivery key in a model's terms is the raw 32 bytes of an X25519 public key; age writes the same in bech32.
"""

from typing import BinaryIO

import pyrage
from bech32 import bech32_decode, bech32_encode, convertbits

from assay.errors import EnvelopeInvalid

_PREFIX = "age"


def recipient_of(delivery_key: bytes) -> str:
    """The age recipient (``age1...``) of 32 raw bytes."""
    words = convertbits(delivery_key, 8, 5)
    if words is None or len(delivery_key) != 32:
        raise EnvelopeInvalid(f"expected 32 bytes of an X25519 public key, got {len(delivery_key)}")
    return bech32_encode(_PREFIX, words)


def delivery_key_of(recipient: str) -> bytes:
    """The 32 raw bytes of an age recipient.

    Raises:
        EnvelopeInvalid: ``recipient`` is not an X25519 recipient.
    """
    prefix, words = bech32_decode(recipient)
    key = convertbits(words, 5, 8, False) if prefix == _PREFIX and words else None
    if key is None or len(key) != 32:
        raise EnvelopeInvalid(f"expected an age recipient (age1...), got {recipient[:70]!r}")
    return bytes(key)


def _recipient(text: str) -> pyrage.x25519.Recipient:
    try:
        return pyrage.x25519.Recipient.from_str(text)
    except pyrage.RecipientError:
        raise EnvelopeInvalid(f"expected an age recipient (age1...), got {text[:70]!r}") from None


def new_identity() -> str:
    """A fresh X25519 identity (``AGE-SECRET-KEY-1...``)."""
    return str(pyrage.x25519.Identity.generate())


def public_of(identity: str) -> str:
    """The recipient that belongs to an identity."""
    return str(_identity(identity).to_public())


def _identity(text: str) -> pyrage.x25519.Identity:
    try:
        return pyrage.x25519.Identity.from_str(text)
    except pyrage.IdentityError:
        raise EnvelopeInvalid("expected an age identity (AGE-SECRET-KEY-1...), got something else") from None


def encrypt_to(recipient: str, source: BinaryIO, target: BinaryIO) -> None:
    """Encrypts the rest of ``source`` for ``recipient`` into ``target``, as a stream."""
    pyrage.encrypt_io(source, target, [_recipient(recipient)])


def decrypt_with(identity: str, source: BinaryIO, target: BinaryIO) -> None:
    """Decrypts the envelope in ``source`` into ``target``, as a stream.

    Raises:
        EnvelopeInvalid: The envelope is not for this identity, or it is foreign, truncated or altered.
    """
    try:
        pyrage.decrypt_io(source, target, [_identity(identity)])
    except (pyrage.DecryptError, OSError) as error:
        if getattr(error, "errno", None) is not None:
            raise
        raise EnvelopeInvalid(f"expected an age envelope for {public_of(identity)}: {error}") from None


def wrap_key(recipient: str, key: bytes) -> str:
    """A small secret in an ASCII-armored envelope."""
    armored: bytes = pyrage.encrypt(key, [_recipient(recipient)], armored=True)
    return armored.decode()


def unwrap_key(identity: str, text: str) -> bytes:
    """The secret of ``wrap_key``.

    Raises:
        EnvelopeInvalid: As ``decrypt_with``.
    """
    try:
        key: bytes = pyrage.decrypt(text.encode(), [_identity(identity)])
    except pyrage.DecryptError as error:
        raise EnvelopeInvalid(f"expected an age envelope for {public_of(identity)}: {error}") from None
    return key
