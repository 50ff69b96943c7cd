"""A blob of the tests, and what they write to a store and read from it."""

from assay_oracle.services.ports import BlobStore

NAME = "uploads/0a.age"


def content(store: BlobStore, name: str = NAME) -> bytes:
    with store.open(name) as blob:
        return blob.read()


def append(store: BlobStore, *pieces: bytes, name: str = NAME) -> None:
    with store.append(name) as blob:
        for piece in pieces:
            blob.write(piece)
