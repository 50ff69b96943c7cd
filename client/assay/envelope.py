"""age envelopes (X25519): files and keys encrypted for the oracle or for the buyer.

A delivery key in a model's terms is the raw 32 bytes of an X25519 public key; age writes the same in bech32.

A header is checked against bounds before it is parsed: parsers take time quadratic in its stanzas. Format:
https://age-encryption.org/v1.
"""

from typing import BinaryIO

import pyrage
from bech32 import bech32_decode, bech32_encode, convertbits

from assay.errors import EnvelopeInvalid

_PREFIX = "age"
_VERSION_LINE = b"age-encryption.org/v1\n"
_MAC_LINE = b"---"
_CHUNK_BYTES, _TAG_BYTES, _NONCE_BYTES = 65_536, 16, 16
MAX_HEADER_BYTES = 4096
"""Length of a header up to its MAC: room for 20 recipients and one stanza of grease. One recipient takes 300 bytes."""
MAX_STANZAS = 21
MAX_KEY_ENVELOPE = 4096
"""Characters of a small secret's envelope."""
_PRIME = 2**255 - 19
_LOW_ORDER = (
    0,
    1,
    _PRIME - 1,
    325606250916557431795983626356110631294008115727848805560023387167927233504,
    39382357235489614581723060781553021112529911719440698176882885853963445705823,
)
"""Coordinates of the points of Curve25519 whose order divides 8 (RFC 7748, section 6.1)."""


def recipient_of(delivery_key: bytes) -> str:
    """The age recipient (``age1...``) of 32 raw bytes.

    Raises:
        EnvelopeInvalid: They are no X25519 public key, or one of low order.
    """
    words = convertbits(delivery_key, 8, 5)
    if words is None or len(delivery_key) != 32:
        raise EnvelopeInvalid(f"expected 32 bytes of an X25519 public key, got {len(delivery_key)}")
    _check_order(delivery_key)
    return bech32_encode(_PREFIX, words)


def _check_order(key: bytes) -> None:
    """Refuses keys with which every exchange gives the same secret: age panics on them, which ends its thread.

    Raises:
        EnvelopeInvalid: The point has low order.
    """
    if int.from_bytes(key, "little") % 2**255 % _PRIME in _LOW_ORDER:
        raise EnvelopeInvalid(
            f"expected an X25519 public key, got the point of low order 0x{key.hex()}, which keeps nothing secret",
            hint="make a key pair (age-keygen), and use its public key",
        )


def delivery_key_of(recipient: str) -> bytes:
    """The 32 raw bytes of an age recipient.

    Raises:
        EnvelopeInvalid: ``recipient`` is not an X25519 recipient, or has low order.
    """
    prefix, words = bech32_decode(recipient)
    key = convertbits(words, 5, 8, False) if prefix == _PREFIX and words else None
    if key is None or len(key) != 32:
        raise EnvelopeInvalid(f"expected an age recipient (age1...), got {recipient[:70]!r}")
    _check_order(bytes(key))
    return bytes(key)


def _recipient(text: str) -> pyrage.x25519.Recipient:
    delivery_key_of(text)
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
        EnvelopeInvalid: The envelope is not for this identity, or it is foreign, truncated or altered, or its header
            exceeds ``MAX_HEADER_BYTES`` or ``MAX_STANZAS``.
    """
    _check_header(source)
    try:
        pyrage.decrypt_io(source, target, [_identity(identity)])
    except (pyrage.DecryptError, OSError) as error:
        if getattr(error, "errno", None) is not None:
            raise
        raise EnvelopeInvalid(f"expected an age envelope for {public_of(identity)}: {error}") from None


def chunks_within(source: BinaryIO, plain: int) -> int:
    """Bytes from the start of the envelope in ``source`` (seekable) with the chunks of its first ``plain`` bytes.

    An envelope divides into chunks of 64 KiB with a tag of 16 bytes each (age-encryption.org/v1). A chunk that is not
    whole within ``plain`` does not count; 0 if there is no other.
    """
    chunks = plain // _CHUNK_BYTES
    if not chunks:
        return 0
    source.seek(0)
    header = source.read(MAX_HEADER_BYTES)
    body = header.index(b"\n", header.index(b"\n" + _MAC_LINE) + 1) + 1 + _NONCE_BYTES
    return body + chunks * (_CHUNK_BYTES + _TAG_BYTES)


def _check_header(source: BinaryIO) -> None:
    """Checks the bounds of the header that begins where ``source`` (seekable) stands, and returns there.

    Raises:
        EnvelopeInvalid: It is no binary age header, or exceeds the bounds.
    """
    start = source.tell()
    header = source.read(MAX_HEADER_BYTES)
    source.seek(start)
    if not header.startswith(_VERSION_LINE):
        raise EnvelopeInvalid(f"expected a binary age envelope that starts with {_VERSION_LINE!r}, got another start")
    end = header.find(b"\n" + _MAC_LINE)
    if end < 0:
        raise EnvelopeInvalid(f"expected an age header of at most {MAX_HEADER_BYTES} bytes, got a longer or broken one")
    stanzas = header.count(b"\n->", 0, end)
    if stanzas > MAX_STANZAS:
        raise EnvelopeInvalid(f"expected an age header for at most {MAX_STANZAS} recipients, got {stanzas} stanzas")


def wrap_key(recipient: str, key: bytes) -> str:
    """A small secret in an ASCII-armored envelope."""
    armored: bytes = pyrage.encrypt(key, [_recipient(recipient)], armored=True)
    return armored.decode()


def unwrap_key(identity: str, text: str) -> bytes:
    """The secret of ``wrap_key``.

    Raises:
        EnvelopeInvalid: As ``decrypt_with``, or ``text`` exceeds ``MAX_KEY_ENVELOPE``.
    """
    if len(text) > MAX_KEY_ENVELOPE:
        raise EnvelopeInvalid(f"expected the envelope of a key in {MAX_KEY_ENVELOPE} characters, got {len(text)}")
    try:
        key: bytes = pyrage.decrypt(text.encode(), [_identity(identity)])
    except pyrage.DecryptError as error:
        raise EnvelopeInvalid(f"expected an age envelope for {public_of(identity)}: {error}") from None
    return key
