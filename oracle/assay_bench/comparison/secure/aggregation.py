"""Secure aggregation (Bonawitz et al., CCS 2017): a server learns the sum of vectors, and no vector.

Every client masks its vector with a mask of its own and with one for each other client, on which the two agree by
X25519. The masks of a pair cancel in the sum. From shares of keys the server computes the other masks: of a client that
dropped out those of its pairs, of any other its own. All are honest but curious; the directory of keys is trusted.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from Crypto.Protocol.SecretSharing import Shamir
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from assay_bench.figures import Floats

Masked = npt.NDArray[np.uint64]
_FRACTION_BITS = 32
_SECRET_BYTES, _PART_BYTES = 32, 16
_NONCE = bytes(12)


class Client:
    """One owner of a vector.

    Attributes:
        index: Its number among the clients.
        public: Its public keys, as bytes: for masks, and for messages to other clients.
    """

    def __init__(self, index: int) -> None:
        self.index = index
        self._masking, self._messages = X25519PrivateKey.generate(), X25519PrivateKey.generate()
        self._own = os.urandom(_SECRET_BYTES)
        self.public = tuple(key.public_key().public_bytes_raw() for key in (self._masking, self._messages))
        self._directory: Sequence[tuple[bytes, ...]] = ()
        self._received: dict[int, bytes] = {}

    def meet(self, directory: Sequence[tuple[bytes, ...]]) -> None:
        """Learns the public keys of all clients, its own included, in order."""
        self._directory = directory

    def shares(self, threshold: int) -> list[bytes]:
        """One encrypted message for each client, its own included: a share of its mask key and of its own mask."""
        secrets = (self._masking.private_bytes_raw(), self._own)
        split = [_split(secret, threshold, len(self._directory)) for secret in secrets]
        messages = []
        for other, (mine, own) in enumerate(zip(*split, strict=True)):
            cipher = ChaCha20Poly1305(agreed(self._messages, self._directory[other][1], b"share"))
            messages.append(cipher.encrypt(_nonce(self.index, other), mine + own, None))
        return messages

    def receive(self, sender: int, message: bytes) -> None:
        """Keeps the shares that another client sent it.

        Raises:
            InvalidTag: The message was altered.
        """
        cipher = ChaCha20Poly1305(agreed(self._messages, self._directory[sender][1], b"share"))
        self._received[sender] = cipher.decrypt(_nonce(sender, self.index), message, None)

    def masked(self, vector: Floats) -> Masked:
        """The vector (p,) modulo 2^64 in fixed point, under all masks."""
        total = _integers(vector) + _stream(self._own, len(vector))
        for other, (key, _) in enumerate(self._directory):
            if other != self.index:
                mask = _stream(agreed(self._masking, key, b"mask"), len(vector))
                total = total + mask if self.index < other else total - mask
        return total

    def reveal(self, survivors: Sequence[int]) -> dict[int, bytes]:
        """A share by client: of the own mask of a survivor, of the mask key of another; never of both."""
        half = 2 * _PART_BYTES
        return {sender: held[half:] if sender in survivors else held[:half] for sender, held in self._received.items()}


@dataclass
class Traffic:
    """What the clients and the server sent each other.

    Attributes:
        sizes: Bytes of each message.
        rounds: Times that everyone waited for everyone.
    """

    sizes: list[int] = field(default_factory=list)
    rounds: int = 4


def aggregate(vectors: Sequence[Floats], threshold: int, dropped: Sequence[int] = ()) -> tuple[Floats, Traffic]:
    """Runs the protocol among clients and a server in one process.

    Args:
        vectors: One for each client, (p,), below 2^31 in absolute value.
        threshold: Clients that have to remain to the end.
        dropped: Clients that leave after they shared their keys, before they send their vector.

    Returns:
        The sum (p,) of the vectors of the clients that remain, to 2^-32, and the messages.

    Raises:
        ValueError: Fewer than ``threshold`` clients remain.
    """
    survivors = [index for index in range(len(vectors)) if index not in dropped]
    if len(survivors) < threshold:
        raise ValueError(f"expected at least {threshold} clients to remain, got {len(survivors)}")
    traffic = Traffic()
    clients = [Client(index) for index in range(len(vectors))]
    directory = [client.public for client in clients]
    traffic.sizes += [sum(map(len, client.public)) * (1 + len(clients)) for client in clients]
    for client in clients:
        client.meet(directory)
    for client in clients:
        for other, message in enumerate(client.shares(threshold)):
            traffic.sizes.append(2 * len(message))  # by way of the server
            clients[other].receive(client.index, message)
    masked = {index: clients[index].masked(vectors[index]) for index in survivors}
    traffic.sizes += [vector.nbytes for vector in masked.values()]
    revealed = [clients[index].reveal(survivors) for index in survivors]
    traffic.sizes += [sum(map(len, shares.values())) for shares in revealed]
    return unmasked(masked, directory, dict(zip(survivors, revealed, strict=True)), threshold), traffic


def unmasked(
    masked: dict[int, Masked],
    directory: Sequence[tuple[bytes, ...]],
    revealed: dict[int, dict[int, bytes]],
    threshold: int,
) -> Floats:
    """What the server computes: the sum (p,), from the masked vectors and shares of the clients that remain."""
    total: Masked = np.sum(list(masked.values()), axis=0, dtype=np.uint64)
    holders = list(revealed)[:threshold]
    for index in range(len(directory)):
        secret = _joined({holder: revealed[holder][index] for holder in holders})
        if index in masked:
            total = total - _stream(secret, len(total))
            continue
        key = X25519PrivateKey.from_private_bytes(secret)
        for other in masked:
            mask = _stream(agreed(key, directory[other][0], b"mask"), len(total))
            total = total + mask if index < other else total - mask
    return np.asarray(total.astype(np.int64) / 2.0**_FRACTION_BITS)


def agreed(private: X25519PrivateKey, public: bytes, purpose: bytes) -> bytes:
    """A key of two clients for one purpose, 32 bytes: HKDF of X25519."""
    secret = private.exchange(X25519PublicKey.from_public_bytes(public))
    return HKDF(SHA256(), _SECRET_BYTES, salt=None, info=purpose).derive(secret)


def _nonce(sender: int, receiver: int) -> bytes:
    return sender.to_bytes(6, "big") + receiver.to_bytes(6, "big")


def _split(secret: bytes, threshold: int, count: int) -> list[bytes]:
    """Shares of 32 bytes: Shamir's scheme on each half, in GF(2^128)."""
    halves = [Shamir.split(threshold, count, part, False) for part in (secret[:_PART_BYTES], secret[_PART_BYTES:])]
    return [first[1] + second[1] for first, second in zip(*halves, strict=True)]


def _joined(shares: dict[int, bytes]) -> bytes:
    parts = [
        [(holder + 1, share[place : place + _PART_BYTES]) for holder, share in shares.items()] for place in (0, 16)
    ]
    return b"".join(Shamir.combine(part, False) for part in parts)


def _stream(key: bytes, length: int) -> Masked:
    """A mask (length,) from a key that is used once."""
    zeros = bytes(8 * length)
    stream = Cipher(algorithms.ChaCha20(key, bytes(4) + _NONCE), mode=None).encryptor().update(zeros)
    return np.frombuffer(stream, np.uint64)


def _integers(vector: Floats) -> Masked:
    return np.asarray(np.rint(vector * 2.0**_FRACTION_BITS).astype(np.int64).astype(np.uint64))
