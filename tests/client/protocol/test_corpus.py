"""The committed corpus of the fuzzer of sealed files: every input is read as ``make fuzz-sealed`` reads it."""

from pathlib import Path

import pytest
from fuzz.sealed_files import arrive, check, outcome, with_digests, with_root

from assay.errors import ChunkMismatch

pytestmark = pytest.mark.unit

CORPUS = Path(__file__).parents[2] / "vectors" / "sealed_files"


@pytest.mark.parametrize("name", sorted(path.name for path in CORPUS.iterdir()))
def test_every_reader_says_the_same(name: str) -> None:
    content = (CORPUS / name).read_bytes()
    check(content)
    for position in (8, 11, 23, 30, 63, 64, 100, len(content) - 1):
        if 0 <= position < len(content):
            check(content[:position] + bytes([content[position] ^ 1]) + content[position + 1 :])
            check(content[:position])


def test_repairs_reach_what_lies_behind_the_digests() -> None:
    content = bytearray((CORPUS / "three_chunks").read_bytes())
    content[64] ^= 1
    assert outcome(lambda: arrive(bytes(content))) is not None
    repaired = with_root(bytes(content))
    assert repaired is not None
    arrive(repaired)
    content[-1] ^= 1
    repaired = with_root(bytes(content))
    assert repaired is not None
    assert outcome(lambda: arrive(repaired)) is ChunkMismatch
    repaired = with_digests(bytes(content))
    assert repaired is not None
    arrive(repaired)
