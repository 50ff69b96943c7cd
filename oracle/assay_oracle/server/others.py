"""The other members of a committee, as a member that is checked before its start sees them."""

from assay.chain.port import Chain
from assay.chain.values import SafeOwners
from assay.errors import SettingsError
from assay.oracle.api import OracleClient
from assay.protocol.statements import Domain, digest, signer_of

SECONDS = 10.0
"""Time in which another member must answer."""


def safe_at(address: str, chain: Chain) -> SafeOwners:
    """Owners and threshold of the committee's Safe.

    Raises:
        SettingsError: There is no Safe.
    """
    found = chain.safe_owners(address)
    if found is None:
        raise SettingsError(
            f"expected a Safe at {address} on chain {chain.domain.chain_id}, found none",
            hint="correct `committee`, or deploy the Safe",
        )
    return found


def other_member(url: str, committee: str, safe: SafeOwners, domain: Domain, content_tag: bytes) -> str:
    """The owner of the Safe who answers at a URL.

    Raises:
        OracleError: Nobody answers there.
        SettingsError: It is no member, or has another secret of content ids.
    """
    with OracleClient(url, attempts=1, timeout=SECONDS) as client:
        info = client.info()
    wrapped = domain.for_safe(committee, digest(domain.recipient(info.recipient)))
    signers = {signer_of(wrapped, signature) for signature in (info.recipient_signature, *info.further_signatures)}
    found = next((owner for owner in safe.owners if owner in signers), None)
    if found is None:
        raise SettingsError(
            f"expected a member of the committee {committee} at {url}, got {info.oracle}, which signs for no owner",
            hint="set `committee` there, and let the Safe's owners add its address",
        )
    if info.content_tag != content_tag:
        raise SettingsError(
            f"expected the digest secret of this oracle at {url}, got another: no quotes of the two will agree",
            hint="make the keys of all members with one file: assay-oracle init --digest-secret-file",
        )
    return found
