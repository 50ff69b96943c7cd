"""Records of offers that others are priced with: decrypted and parsed once, and not again for each later offer."""

import threading
from collections import OrderedDict

from assay.protocol.types import OfferId
from assay_pricing.records.records import Records


class RecordCache:
    """Records by offer id, at most ``max_bytes`` of them; the least recently used leave first.

    The records are decrypted data: they stay in this process's memory and never reach the disk. The data of an offer
    never changes, because its id commits to its root, so that no entry becomes stale. Records that alone exceed the
    bound are not kept.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._used = 0
        self._records: OrderedDict[OfferId, Records] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, offer_id: OfferId) -> Records | None:
        """The records of an offer; None if they are not kept."""
        with self._lock:
            if offer_id in self._records:
                self._records.move_to_end(offer_id)
            return self._records.get(offer_id)

    def put(self, offer_id: OfferId, records: Records) -> None:
        """Keeps the records of an offer."""
        with self._lock:
            self._drop(offer_id)
            if records.nbytes > self._max_bytes:
                return
            self._records[offer_id] = records
            self._used += records.nbytes
            while self._used > self._max_bytes:
                self._drop(next(iter(self._records)))

    def drop(self, offer_id: OfferId) -> None:
        """Drops the records of an offer; does nothing if they are not kept."""
        with self._lock:
            self._drop(offer_id)

    def _drop(self, offer_id: OfferId) -> None:
        dropped = self._records.pop(offer_id, None)
        if dropped is not None:
            self._used -= dropped.nbytes
