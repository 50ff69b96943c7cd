"""Offers made by hand, honest and dishonest."""

import hashlib
import io
import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from eth_account.signers.local import LocalAccount

from assay import envelope
from assay.protocol import seal
from assay.protocol.messages import OfferRequest
from assay.protocol.statements import Domain
from tests.kit.actors import DOMAIN, ORACLE_IDENTITY, seller_account

_nonces = itertools.count(1)


@dataclass(frozen=True)
class Bid:
    """What a seller prepared: the request, the upload, the key."""

    request: OfferRequest
    upload: bytes
    key: bytes
    account: LocalAccount

    def with_(self, **changes: Any) -> "Bid":
        return replace(self, **changes)


def seal_lines(data: bytes, key: bytes) -> tuple[bytes, bytes]:
    """Sealed file and root."""
    sealed = io.BytesIO()
    commitment = seal.seal(io.BytesIO(data), sealed, key, chunk_size=1024)
    return sealed.getvalue(), commitment.data_root


def enveloped(content: bytes, recipient: str) -> bytes:
    target = io.BytesIO()
    envelope.encrypt_to(recipient, io.BytesIO(content), target)
    return target.getvalue()


def bid(
    model_id: bytes,
    data: bytes,
    *,
    account: LocalAccount = seller_account,
    key: bytes | None = None,
    sent_key: bytes | None = None,
    upload: bytes | None = None,
    spoil: Callable[[bytes], bytes] = lambda sealed: sealed,
    domain: Domain = DOMAIN,
    recipient: str = envelope.public_of(ORACLE_IDENTITY),
) -> Bid:
    """A seller's offer of ``data``; ``sent_key``, ``upload`` and ``spoil`` are what a dishonest one does."""
    number = next(_nonces)
    key = key or hashlib.sha256(b"key %d" % number).digest()
    sealed, root = seal_lines(data, key)
    nonce = number.to_bytes(32, "big")
    upload = enveloped(spoil(sealed), recipient) if upload is None else upload
    message = domain.offer(model_id, account.address, root, nonce)
    request = OfferRequest(
        model_id=model_id,
        seller=account.address,
        data_root=root,
        nonce=nonce,
        signature=bytes(account.sign_message(message).signature),
        upload_bytes=len(upload),
        sealed_key=envelope.wrap_key(recipient, sent_key or key),
    )
    return Bid(request, upload, key, account)
