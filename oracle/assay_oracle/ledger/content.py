"""Keyed digests of records: equal for equal records, and useless for guessing without the key (HMAC, RFC 2104)."""

import hashlib
import hmac
from collections.abc import Iterable

from assay.protocol.types import ContentId, ModelId

SECRET_BYTES = 32
_RECORD_TAG = b"assay/record/v1".ljust(32, b"\0")
_SALTED_TAG = b"assay/content/v2".ljust(32, b"\0")
_BLIND_TAG = b"assay/blind/v1".ljust(32, b"\0")
_BACKUP_TAG = b"assay/backup/v1".ljust(32, b"\0")


class ContentDigests:
    """Digests under the oracle's ``secret`` (32 bytes).

    Content ids are public on chain. With an unkeyed hash, anyone who guesses a data set could test whether it was sold.
    """

    def __init__(self, secret: bytes) -> None:
        if len(secret) != SECRET_BYTES:
            raise ValueError(f"expected a secret of {SECRET_BYTES} bytes, got {len(secret)}")
        self._secret = secret

    def fingerprint(self) -> bytes:
        """Tells this secret from others and gives nothing else away: 32 bytes."""
        return hmac.digest(self._secret, b"assay/ledger/v1", "sha256")

    def committee_tag(self) -> bytes:
        """As ``fingerprint``, to be published, so that members of a committee find that they share the secret."""
        return hmac.digest(self._secret, b"assay/committee/v1", "sha256")

    def content_id(self, model_id: ModelId, hashes: Iterable[bytes]) -> ContentId:
        """``HMAC-SHA256(secret, modelId ‖ SHA-256 over the sorted distinct record hashes)``: 32 bytes."""
        whole = hashlib.sha256(b"".join(sorted(set(hashes)))).digest()
        return ContentId(hmac.digest(self._secret, model_id + whole, "sha256"))

    def content_ids(self, model_id: ModelId, hashes: Iterable[bytes], salts: Iterable[bytes]) -> list[ContentId]:
        """``content_id``, and for each of ``salts`` (32 bytes) another id of the same records.

        ``HMAC-SHA256(secret, tag ‖ salt ‖ modelId ‖ SHA-256 over the sorted distinct record hashes)``, 32 bytes.
        """
        distinct = set(hashes)
        whole = hashlib.sha256(b"".join(sorted(distinct))).digest()
        salted = [
            ContentId(hmac.digest(self._secret, _SALTED_TAG + salt + model_id + whole, "sha256")) for salt in salts
        ]
        return [self.content_id(model_id, distinct), *salted]

    def backup_tag(self, digest: bytes) -> bytes:
        """The tag by which a backup of this ledger is recognised, over the SHA-256 of its content: 32 bytes."""
        return hmac.digest(self._secret, _BACKUP_TAG + digest, "sha256")

    def blind_secret(self, offer_id: bytes) -> bytes:
        """What the masks of a blind quote are drawn from: 32 bytes."""
        return hmac.digest(self._secret, _BLIND_TAG + offer_id, "sha256")

    def record_tag(self, model_id: ModelId, record_hash: bytes) -> bytes:
        """The ledger's digest of one record, ``HMAC-SHA256(secret, tag ‖ modelId ‖ record hash)``: 32 bytes."""
        return hmac.digest(self._secret, _RECORD_TAG + model_id + record_hash, "sha256")
