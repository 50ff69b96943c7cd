"""age envelopes: for one recipient, whole, unaltered; anything else is an error that says so."""

import errno
import io

import pyrage
import pytest
from bech32 import bech32_encode, convertbits
from hypothesis import given, settings
from hypothesis import strategies as st

from assay import envelope
from assay.errors import EnvelopeInvalid

pytestmark = pytest.mark.unit

IDENTITY = envelope.new_identity()
RECIPIENT = envelope.public_of(IDENTITY)
CONTENT = bytes(range(256)) * 1000


def enveloped(content: bytes = CONTENT, recipient: str = RECIPIENT) -> bytes:
    target = io.BytesIO()
    envelope.encrypt_to(recipient, io.BytesIO(content), target)
    return target.getvalue()


def opened(content: bytes, identity: str = IDENTITY) -> bytes:
    target = io.BytesIO()
    envelope.decrypt_with(identity, io.BytesIO(content), target)
    return target.getvalue()


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 65_537, 256_000])
def test_opens_to_what_was_put_in(size: int) -> None:
    assert opened(enveloped(CONTENT[:size])) == CONTENT[:size]


def test_nobody_else_opens_it() -> None:
    with pytest.raises(EnvelopeInvalid, match="expected an age envelope for age1"):
        opened(enveloped(), envelope.new_identity())


WHOLE = enveloped()


@settings(max_examples=50, deadline=None)
@given(cut=st.integers(0, len(WHOLE) - 1))
def test_any_cut_is_found(cut: int) -> None:
    with pytest.raises(EnvelopeInvalid):
        opened(WHOLE[:cut])


@settings(max_examples=50, deadline=None)
@given(position=st.integers(0, len(WHOLE) - 1))
def test_any_altered_byte_is_found(position: int) -> None:
    altered = bytearray(WHOLE)
    altered[position] ^= 1
    with pytest.raises(EnvelopeInvalid):
        opened(bytes(altered))


@given(content=st.binary(max_size=200))
def test_foreign_bytes(content: bytes) -> None:
    with pytest.raises(EnvelopeInvalid):
        opened(content)


STANZA = b"-> X A\n" + b"A" * 43 + b"\n"


@pytest.mark.parametrize("count", [22, 8000], ids=["22 recipients", "400 kB of recipients"])
def test_header_of_many_recipients_is_refused_before_the_library_reads_it(
    count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library's time is quadratic in the stanzas of a header: 400 kB take 37 s."""
    monkeypatch.setattr(envelope.pyrage, "decrypt_io", lambda *_: pytest.fail("the header was parsed"))
    with pytest.raises(EnvelopeInvalid, match="expected an age header"):
        opened(b"age-encryption.org/v1\n" + STANZA * count + b"--- " + b"A" * 43 + b"\n")


def test_header_without_an_end_is_read_up_to_its_bound() -> None:
    source = io.BytesIO(b"age-encryption.org/v1\n-> X " + b"A" * 10**6)
    with pytest.raises(EnvelopeInvalid, match="at most 4096 bytes"):
        envelope.decrypt_with(IDENTITY, source, io.BytesIO())


def test_header_for_twenty_recipients_is_read() -> None:
    target = io.BytesIO()
    recipients = [pyrage.x25519.Identity.generate().to_public() for _ in range(19)]
    pyrage.encrypt_io(io.BytesIO(CONTENT), target, [*recipients, pyrage.x25519.Recipient.from_str(RECIPIENT)])
    assert opened(target.getvalue()) == CONTENT


def test_armored_file_is_refused() -> None:
    armored = pyrage.encrypt(CONTENT, [pyrage.x25519.Recipient.from_str(RECIPIENT)], armored=True)
    with pytest.raises(EnvelopeInvalid, match="expected a binary age envelope"):
        opened(armored)


def test_long_envelope_of_a_key_is_refused_unread() -> None:
    with pytest.raises(EnvelopeInvalid, match="4096 characters"):
        envelope.unwrap_key(IDENTITY, "A" * 10**6)


def test_full_disk_is_not_called_a_foreign_envelope() -> None:
    class Full(io.BytesIO):
        def write(self, _: object) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        envelope.decrypt_with(IDENTITY, io.BytesIO(WHOLE), Full())


def test_small_secret_and_back() -> None:
    text = envelope.wrap_key(RECIPIENT, b"k" * 32)
    assert text.isascii()
    assert len(text) < 2048
    assert envelope.unwrap_key(IDENTITY, text) == b"k" * 32


@pytest.mark.parametrize(
    "text", ["", "foo", "-----BEGIN AGE ENCRYPTED FILE-----\nAAAA\n-----END AGE ENCRYPTED FILE-----"]
)
def test_foreign_secret(text: str) -> None:
    with pytest.raises(EnvelopeInvalid):
        envelope.unwrap_key(IDENTITY, text)


def test_secret_for_somebody_else() -> None:
    with pytest.raises(EnvelopeInvalid):
        envelope.unwrap_key(envelope.new_identity(), envelope.wrap_key(RECIPIENT, b"k"))


def test_delivery_key_is_the_recipient_in_32_bytes() -> None:
    key = envelope.delivery_key_of(RECIPIENT)
    assert len(key) == 32
    assert envelope.recipient_of(key) == RECIPIENT


@pytest.mark.parametrize(
    "recipient",
    ["", "age1", "bc1qxyz", RECIPIENT[:-1] + "q", RECIPIENT.replace("age", "ega")],
    ids=["empty", "prefix alone", "another kind", "altered checksum", "altered prefix"],
)
def test_recipient_that_is_none(recipient: str) -> None:
    with pytest.raises(EnvelopeInvalid, match="expected an age recipient"):
        envelope.delivery_key_of(recipient)
    with pytest.raises(EnvelopeInvalid, match="expected an age recipient"):
        envelope.wrap_key(recipient, b"k")


@pytest.mark.parametrize("key", [b"", bytes(31), bytes(33)], ids=len)
def test_delivery_key_of_another_length(key: bytes) -> None:
    with pytest.raises(EnvelopeInvalid, match="expected 32 bytes"):
        envelope.recipient_of(key)


def test_identity_that_is_none_is_not_shown() -> None:
    with pytest.raises(EnvelopeInvalid, match="got something else") as raised:
        envelope.public_of("AGE-SECRET-KEY-1MINE")
    assert "MINE" not in str(raised.value)


LOW_ORDER = [
    bytes(32),
    bytes(31) + b"\x80",  # the highest bit does not count
    (1).to_bytes(32, "little"),
    (2**255 - 20).to_bytes(32, "little"),
    (2**255 - 19).to_bytes(32, "little"),  # another spelling of 0
    bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
    bytes.fromhex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
]


@pytest.mark.parametrize("key", LOW_ORDER, ids=lambda key: key.hex()[:8])
def test_key_of_low_order_is_refused_before_the_library_panics(key: bytes) -> None:
    words = convertbits(key, 8, 5)
    assert words is not None
    recipient = bech32_encode("age", words)
    for refused in (
        lambda: envelope.recipient_of(key),
        lambda: envelope.delivery_key_of(recipient),
        lambda: envelope.wrap_key(recipient, b"key"),
        lambda: enveloped(recipient=recipient),
    ):
        with pytest.raises(EnvelopeInvalid, match="low order"):
            refused()
