"""Writes `tests/vectors/*.json`, which hold contract and client to one truth.

Every expected value comes from an implementation that is neither of the two: EIP-712 digests from eth-account,
ChaCha20 from OpenSSL and the examples printed in RFC 8439, trees from the few lines of `reference_top` below.
`--check` compares instead of writing.
"""

import argparse
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms
from eth_account.messages import encode_typed_data
from eth_utils.crypto import keccak

FOLDER = Path(__file__).resolve().parent.parent / "tests" / "vectors"

CHAIN_ID = 31337
CONTRACT = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
QUOTE_TYPES = [
    ("modelId", "bytes32"),
    ("contentId", "bytes32"),
    ("seller", "address"),
    ("dataRoot", "bytes32"),
    ("price", "uint256"),
    ("expiry", "uint256"),
    ("evaluation", "bytes32"),
]

RFC_8439 = [
    {
        "source": "RFC 8439, A.1, vectors 1 and 2 (blocks 0 and 1 of the zero key and nonce)",
        "key": "0x" + 64 * "0",
        "counter": 0,
        "plain": "0x" + 256 * "0",
        "sealed": "0x76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7"
        "da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586"
        "9f07e7be5551387a98ba977c732d080dcb0f29a048e3656912c6533e32ee7aed"
        "29b721769ce64e43d57133b074d839d531ed1f28510afb45ace10a1f4b794d6f",
    },
    {
        "source": "RFC 8439, A.1, vector 3 (block 1, key ending in 1)",
        "key": "0x" + 63 * "0" + "1",
        "counter": 1,
        "plain": "0x" + 128 * "0",
        "sealed": "0x3aeb5224ecf849929b9d828db1ced4dd832025e8018b8160b82284f3c949aa5a"
        "8eca00bbb4a73bdad192b5c42f73f2fd4e273644c8b36125a64addeb006c13a0",
    },
    {
        "source": "RFC 8439, A.1, vector 4 (block 2, key 00 ff 00 ...)",
        "key": "0x00ff" + 60 * "0",
        "counter": 2,
        "plain": "0x" + 128 * "0",
        "sealed": "0x72d54dfbf12ec44b362692df94137f328fea8da73990265ec1bbbea1ae9af0ca"
        "13b25aa26cb4a648cb9b9d1be65b2c0924a66c54d545ec1b7374f4872e99f096",
    },
]


def _sha256(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def _word(text: str) -> bytes:
    return _sha256(text.encode())


def _hex(value: bytes) -> str:
    return "0x" + value.hex()


def openssl(key: bytes, counter: int, data: bytes) -> bytes:
    """ChaCha20 with a zero nonce."""
    nonce = counter.to_bytes(4, "little") + bytes(12)
    return Cipher(algorithms.ChaCha20(key, nonce), mode=None).encryptor().update(data)


def chacha20_vectors() -> list[dict[str, Any]]:
    """The RFC's examples, and lengths and counters around the strides of an implementation."""
    vectors: list[dict[str, Any]] = [dict(vector) for vector in RFC_8439]
    lengths = (0, 1, 31, 32, 33, 63, 64, 65, 127, 128, 129, 1000, 1024)
    counters = (0, 1, 15, 16, 255, 2**31, 2**32 - 2)
    for i, (length, counter) in enumerate([(n, 0) for n in lengths] + [(100, c) for c in counters]):
        key = _word(f"key {i}")
        plain = hashlib.shake_256(f"plain {i}".encode()).digest(length)
        sealed = openssl(key, counter, plain)
        vectors.append(
            {"source": "OpenSSL", "key": _hex(key), "counter": counter, "plain": _hex(plain), "sealed": _hex(sealed)}
        )
    return vectors


def typed_digest(primary: str, fields: list[tuple[str, str]], message: dict[str, Any]) -> bytes:
    """EIP-712 digest by eth-account."""
    signable = encode_typed_data(
        domain_data={"name": "Assay", "version": "1", "chainId": CHAIN_ID, "verifyingContract": CONTRACT},
        message_types={primary: [{"name": name, "type": kind} for name, kind in fields]},
        message_data=message,
    )
    return bytes(keccak(b"\x19" + signable.version + signable.header + signable.body))


def quote_vectors() -> list[dict[str, Any]]:
    """Ordinary and extreme quotes with the digests of all that is signed about them."""
    prices = (1, 10**17, 2**96 - 1)
    vectors = []
    for i, price in enumerate(prices):
        quote = {
            "modelId": _word(f"model {i}"),
            "contentId": _word(f"content {i}"),
            "seller": "0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
            "dataRoot": _word(f"root {i}"),
            "price": price,
            "expiry": 2 ** (13 * (i + 1)) - 1,
            "evaluation": _word(f"evaluation {i}"),
        }
        key_hash, order_digest = _word(f"key hash {i}"), _word(f"order {i}")
        digest = typed_digest("Quote", QUOTE_TYPES, quote)
        accepted = {"quoteDigest": digest, "keyHash": key_hash}
        about_order = [("orderDigest", "bytes32")], {"orderDigest": order_digest}
        vectors.append(
            {
                "chainId": CHAIN_ID,
                "contract": CONTRACT,
                "quote": {k: _hex(v) if isinstance(v, bytes) else v for k, v in quote.items()},
                "quoteDigest": _hex(digest),
                "keyHash": _hex(key_hash),
                "acceptanceDigest": _hex(
                    typed_digest("Acceptance", [("quoteDigest", "bytes32"), ("keyHash", "bytes32")], accepted)
                ),
                "orderDigest": _hex(order_digest),
                "receiptDigest": _hex(typed_digest("Receipt", *about_order)),
                "acknowledgementDigest": _hex(typed_digest("Acknowledgement", *about_order)),
            }
        )
    return vectors


def reference_top(leaves: list[bytes], low: int, high: int) -> bytes:
    """Top over ``leaves[low:high]``, from above: the left part is the largest power of two below the width."""
    if high - low == 1:
        return leaves[low]
    middle = low + (1 << (high - low - 1).bit_length() - 1)
    return _sha256(
        b"assay/node/v1".ljust(32, b"\0"),
        reference_top(leaves, low, middle),
        reference_top(leaves, middle, high),
    )


def reference_path(leaves: list[bytes], index: int, low: int, high: int) -> list[bytes]:
    """Siblings of leaf ``index``, from the leaf upwards."""
    if high - low == 1:
        return []
    middle = low + (1 << (high - low - 1).bit_length() - 1)
    if index < middle:
        return [*reference_path(leaves, index, low, middle), reference_top(leaves, middle, high)]
    return [*reference_path(leaves, index, middle, high), reference_top(leaves, low, middle)]


def reference_leaves(lengths: list[int], digests: list[tuple[bytes, bytes]]) -> list[bytes]:
    """Leaves of chunks of ``lengths`` bytes with these digests, plain and sealed."""
    tag = b"assay/leaf/v1".ljust(32, b"\0")
    return [
        _sha256(tag, i.to_bytes(32, "big"), length.to_bytes(32, "big"), *digests[i]) for i, length in enumerate(lengths)
    ]


def reference_root(total_bytes: int, chunk_size: int, top: bytes) -> bytes:
    """Root of a layout whose tree ends in ``top``."""
    tag = b"assay/root/v1".ljust(32, b"\0")
    return _sha256(tag, total_bytes.to_bytes(32, "big"), chunk_size.to_bytes(32, "big"), top)


def tree_vectors() -> list[dict[str, Any]]:
    """Trees of even, odd and single counts with every path, and the root of their layout."""
    vectors = []
    for count in (1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 13, 16, 17):
        chunk_size, last = 1024, 17 + count
        total = (count - 1) * chunk_size + last
        digests = [(_word(f"plain {count} {i}"), _word(f"sealed {count} {i}")) for i in range(count)]
        leaves = reference_leaves([chunk_size] * (count - 1) + [last], digests)
        top = reference_top(leaves, 0, count)
        root = reference_root(total, chunk_size, top)
        vectors.append(
            {
                "totalBytes": total,
                "chunkSize": chunk_size,
                "digests": [[_hex(plain), _hex(sealed)] for plain, sealed in digests],
                "leaves": [_hex(leaf) for leaf in leaves],
                "top": _hex(top),
                "root": _hex(root),
                "paths": [[_hex(node) for node in reference_path(leaves, i, 0, count)] for i in range(count)],
            }
        )
    return vectors


def sealed_vectors() -> list[dict[str, Any]]:
    """Data sealed chunk by chunk, as far as a short last one, with all that a dispute about each would show."""
    key, chunk_size, last = _word("sealing key"), 1024, 77
    plain = hashlib.shake_256(b"sealed data with its salts").digest(2 * chunk_size + last)
    ciphertext = openssl(key, 0, plain)
    pieces = [slice(0, chunk_size), slice(chunk_size, 2 * chunk_size), slice(2 * chunk_size, None)]
    digests = [(_sha256(plain[piece]), _sha256(ciphertext[piece])) for piece in pieces]
    leaves = reference_leaves([chunk_size, chunk_size, last], digests)
    return [
        {
            "key": _hex(key),
            "totalBytes": len(plain),
            "chunkSize": chunk_size,
            "plain": _hex(plain),
            "root": _hex(reference_root(len(plain), chunk_size, reference_top(leaves, 0, 3))),
            "proofs": [
                {
                    "index": i,
                    "plainDigest": _hex(digests[i][0]),
                    "sealedChunk": _hex(ciphertext[piece]),
                    "path": [_hex(node) for node in reference_path(leaves, i, 0, 3)],
                }
                for i, piece in enumerate(pieces)
            ],
        }
    ]


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare, do not write")
    arguments = parser.parse_args()

    made = {
        "chacha20": chacha20_vectors(),
        "quotes": quote_vectors(),
        "trees": tree_vectors(),
        "sealed": sealed_vectors(),
    }
    stale = []
    for name, vectors in made.items():
        path, text = FOLDER / f"{name}.json", json.dumps(vectors, indent=1) + "\n"
        if not arguments.check:
            path.write_text(text)
        elif not path.exists() or path.read_text() != text:
            stale.append(path)
    for path in stale:
        print(f"{path} is stale\nhint: python scripts/make_vectors.py", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
