"""One signature in other forms. Libraries accept most of them; the contract refuses all."""

from collections.abc import Callable

from assay.protocol.statements import CURVE_ORDER


def _high_s(signature: bytes) -> bytes:
    s = int.from_bytes(signature[32:64], "big")
    return signature[:32] + (CURVE_ORDER - s).to_bytes(32, "big") + bytes([55 - signature[64]])


def _compact(signature: bytes) -> bytes:
    """EIP-2098: ``r || (parity << 255 | s)``, 64 bytes."""
    parity_and_s = (signature[64] - 27) << 255 | int.from_bytes(signature[32:64], "big")
    return signature[:32] + parity_and_s.to_bytes(32, "big")


REFUSED_FORMS: dict[str, Callable[[bytes], bytes]] = {
    "high s": _high_s,
    "v of 0 or 1": lambda signature: signature[:64] + bytes([signature[64] - 27]),
    "v of EIP-155": lambda signature: signature[:64] + bytes([signature[64] - 27 + 37]),
    "compact": _compact,
    "a byte more": lambda signature: signature + b"\0",
}
