"""A download that is verified on its way: a fault ends it, and says where to ask again."""

import hashlib
import io
from pathlib import Path

import pytest

from assay import envelope
from assay.errors import CommitmentMismatch, EnvelopeInvalid, SealedDataTruncated, SealError
from assay.protocol import seal
from assay.protocol.tree import Layout
from assay.sale.arrival import Arrival, Damaged, NoMoreNeeded
from tests.kit.actors import BUYER_IDENTITY

pytestmark = pytest.mark.unit

DATA = hashlib.shake_256(b"data").digest(3 * 2**20)
LAYOUT = Layout.of_data(len(DATA), 4096)
CHUNK = 65_536 + 16
"""Bytes of a chunk of an age envelope."""


def enveloped(content: bytes) -> bytes:
    target = io.BytesIO()
    envelope.encrypt_to(envelope.public_of(BUYER_IDENTITY), io.BytesIO(content), target)
    return target.getvalue()


@pytest.fixture(scope="module")
def sealed() -> bytes:
    target = io.BytesIO()
    seal.seal(io.BytesIO(DATA), target, bytes(range(32)))
    return target.getvalue()


def flipped(content: bytes, *positions: int) -> bytes:
    altered = bytearray(content)
    for position in positions:
        altered[position] ^= 1
    return bytes(altered)


class Download:
    """The envelope of ``content`` on its way to ``folder``."""

    def __init__(self, folder: Path, content: bytes, root: bytes) -> None:
        self.content = content
        self.path = folder / "enveloped"
        self.path.touch()
        self.target = (folder / "sealed").open("w+b")
        self.arrival = Arrival(BUYER_IDENTITY, self.path, self.target, root)

    def run(self, step: int = 100_000) -> int:
        """Bytes that came until something was wrong, or until the end."""
        came = 0
        with self.arrival, self.path.open("ab") as file, self.target:
            while came < len(self.content):
                came += file.write(self.content[came : came + step])
                file.flush()
                try:
                    self.arrival.grown(came)
                except NoMoreNeeded:
                    break
                if came % (5 * step) == 0:
                    self.arrival._thread.join(0.05)  # the network is slower than the checks
            self.arrival.wait()
        return came


def root_of(sealed: bytes) -> bytes:
    return seal.read_index(io.BytesIO(sealed)).data_root


@pytest.mark.parametrize("step", [65_552, 10**9])
def test_file_arrives(tmp_path: Path, sealed: bytes, step: int) -> None:
    assert Download(tmp_path, enveloped(sealed), root_of(sealed)).run(step)
    assert (tmp_path / "sealed").read_bytes() == sealed


def test_another_chunk_ends_the_download_and_is_shown(tmp_path: Path, sealed: bytes) -> None:
    position = LAYOUT.body_offset + 20 * 4096 + 7
    content = enveloped(flipped(sealed, position))
    download = Download(tmp_path, content, root_of(sealed))
    with pytest.raises(Damaged, match="sealed chunk 20") as raised:
        download.run()
    assert (tmp_path / "enveloped").stat().st_size < len(content)
    assert raised.value.chunk is not None
    assert raised.value.chunk.index == 20
    assert position < raised.value.keep + 2 * 65_536
    start = (position - 7) // 65_536
    assert raised.value.keep == len(content) - (-(-len(sealed) // 65_536) - start) * CHUNK + CHUNK - 16 - (
        len(sealed) % 65_536
    )


def test_damaged_chunk_of_the_envelope_ends_the_download(tmp_path: Path, sealed: bytes) -> None:
    content = enveloped(sealed)
    with pytest.raises(Damaged) as raised:
        Download(tmp_path, flipped(content, 5 * CHUNK + 500), root_of(sealed)).run()
    assert isinstance(raised.value.error, EnvelopeInvalid)
    assert 4 * CHUNK < raised.value.keep <= 5 * CHUNK + 500
    assert raised.value.chunk is None


@pytest.mark.parametrize(
    ("position", "kind"),
    [(30, CommitmentMismatch), (70, CommitmentMismatch), (LAYOUT.body_offset - 1, CommitmentMismatch)],
    ids=["root", "first_entry", "last_entry"],
)
def test_another_root_or_index_ends_the_download(
    tmp_path: Path, sealed: bytes, position: int, kind: type[Exception]
) -> None:
    with pytest.raises(kind):
        Download(tmp_path, enveloped(flipped(sealed, position)), root_of(sealed)).run()
    assert (tmp_path / "enveloped").stat().st_size < len(sealed)


@pytest.mark.parametrize("length", [0, 1, 63, 64, 1000, LAYOUT.body_offset, LAYOUT.file_bytes - 1])
def test_file_that_is_too_short_is_refused(tmp_path: Path, sealed: bytes, length: int) -> None:
    with pytest.raises(SealError, match="expected"):
        Download(tmp_path, enveloped(sealed[:length]), root_of(sealed)).run()


def test_file_that_is_too_long_is_refused(tmp_path: Path, sealed: bytes) -> None:
    with pytest.raises(SealedDataTruncated, match="got more"):
        Download(tmp_path, enveloped(sealed + b"x"), root_of(sealed)).run()


def test_envelope_that_is_cut_is_refused(tmp_path: Path, sealed: bytes) -> None:
    with pytest.raises(Damaged):
        Download(tmp_path, enveloped(sealed)[:-1], root_of(sealed)).run()


def test_interruption_leaves_no_thread(tmp_path: Path, sealed: bytes) -> None:
    download = Download(tmp_path, enveloped(sealed), root_of(sealed))
    with pytest.raises(KeyboardInterrupt), download.arrival, download.target:
        raise KeyboardInterrupt
    assert not download.arrival._thread.is_alive()
