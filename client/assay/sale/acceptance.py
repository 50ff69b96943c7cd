"""The seller's signature under a quote, which binds the sealing key to the quote's one order."""

from eth_account.signers.local import LocalAccount

from assay.errors import UsageError
from assay.protocol.statements import Domain, digest
from assay.protocol.structs import key_hash
from assay.sale.offers import OfferRecord


def accepted(record: OfferRecord, key: bytes, domain: Domain, account: LocalAccount) -> OfferRecord:
    """The record with the acceptance of its quote: the hash lock of ``key``, bound to the quote's one order, signed.

    Raises:
        UsageError: The record has no quote.
    """
    if record.quote is None:
        raise UsageError("expected an offer with a quote to accept, got one without")
    locked = key_hash(record.quote.order_id(), key)
    signature = account.sign_message(domain.acceptance(digest(domain.quote(record.quote)), locked)).signature
    return record.model_copy(update={"key_hash": locked, "acceptance": bytes(signature)})
