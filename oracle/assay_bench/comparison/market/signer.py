"""The oracle of a bench's sale, as far as it signs."""

from eth_account.signers.local import LocalAccount

from assay.protocol.statements import Domain
from assay.protocol.structs import Quote


def signed_quote(oracle: LocalAccount, domain: Domain, quote: Quote) -> bytes:
    """The oracle's signature of a quote."""
    return bytes(oracle.sign_message(domain.quote(quote)).signature)
