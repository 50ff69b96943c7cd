"""What holds for new prices once the ledger was restored from a backup: it lacks what was signed after the backup.

Two quotes of one pair that differ forfeit the oracle's bond, however long ago they expired, and two pairs of the same
records could both be sold. So three things hold together:

1. Content ids of new pairs depend on a random salt of the last restoration. No quote that the ledger lacks has one.
2. No offer is priced until the chain's confirmed time is past the expiry of every quote that the ledger may lack.
3. Then the records are looked up, in the ledger and on chain, under each content id that they had before.
"""

import logging
from collections.abc import Iterable

from assay.chain.port import Chain
from assay.protocol.types import ContentId, ModelId
from assay_oracle.ledger.content import ContentDigests
from assay_oracle.log import about
from assay_oracle.services.ports import Ledger

log = logging.getLogger(__name__)


class Restored:
    """The restorations of a ledger, which is restored while no daemon uses it.

    Args:
        ledger: Records them.
        chain: Its time decides which quotes can still be posted.
        digests: Makes content ids.
    """

    def __init__(self, ledger: Ledger, chain: Chain, digests: ContentDigests) -> None:
        self._chain = chain
        self._digests = digests
        found = ledger.restorations()
        self._salts = [restoration.salt for restoration in found]
        self._said = False
        self._held_until = max((restoration.held_until for restoration in found), default=0)

    def holds_up(self) -> bool:
        """Whether a quote may be valid that the ledger lacks: no offer is priced.

        Raises:
            NodeUnreachable: The chain's time is unknown.
        """
        if not self._held_until:
            return False
        confirmed = max(0, self._chain.block_number() - self._chain.confirmations)
        left = self._held_until - self._chain.time_of(confirmed)
        if left >= 0:
            if not self._said:
                log.warning("offers wait: a quote that the ledger lacks may be valid", extra=about(seconds=left))
            self._said = True
            return True
        self._held_until = 0
        return False

    def content_ids(self, model_id: ModelId, hashes: Iterable[bytes]) -> list[ContentId]:
        """Every id under which these records may have been evaluated; the last one is that of a new pair."""
        return self._digests.content_ids(model_id, hashes, self._salts)
