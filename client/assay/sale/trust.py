"""What a seller verifies: the oracle before data goes to it, its quote, that a buyer cannot revoke a signature."""

from collections.abc import Mapping
from dataclasses import dataclass

from eth_account.messages import SignableMessage

from assay.chain.port import Chain
from assay.chain.queries import is_signed_by
from assay.chain.values import SafeOwners
from assay.errors import OracleMisbehaved, SaleError, SettingsError
from assay.oracle.api import OracleClient
from assay.protocol.messages import ModelInfo, OracleInfo
from assay.protocol.statements import digest, signer_of
from assay.protocol.structs import ModelTerms, Order, Quote
from assay.protocol.types import ModelId
from assay.sale.offers import OfferRecord


@dataclass(frozen=True)
class Signers:
    """Who signs for a model.

    Attributes:
        chain: Says what a wallet accepts.
        oracle: The account that the model names.
        safe: Its owners, if it is a Safe: a committee; None for any other account.
    """

    chain: Chain
    oracle: str
    safe: SafeOwners | None

    @property
    def threshold(self) -> int:
        """Number of signers that sign together: 1 but for a committee."""
        return self.safe.threshold if self.safe else 1

    def signer(self, message: SignableMessage, signature: bytes) -> str | None:
        """The owner of the Safe who signed, or the oracle; None for anyone else's signature."""
        if self.safe is None:
            return self.oracle if is_signed_by(self.chain, self.oracle, message, signature) else None
        wrapped = self.chain.domain.for_safe(self.oracle, digest(message))
        return next((owner for owner in [signer_of(wrapped, signature)] if owner in self.safe.owners), None)

    def joined(self, signatures: Mapping[str, bytes]) -> bytes | None:
        """The oracle's signature made of those of its signers; None if they are too few.

        A Safe takes ``threshold`` of them, in the ascending order of the owners (``checkNSignatures`` in ``Safe.sol``).
        """
        ordered = sorted(signatures, key=lambda owner: int(owner, 16))[: self.threshold]
        return b"".join(signatures[owner] for owner in ordered) if len(ordered) == self.threshold else None


def signers_of(chain: Chain, model_id: ModelId) -> Signers:
    """Who signs for a model now.

    Raises:
        SaleError: The model accepts no quotes.
    """
    oracle = chain.model_state(model_id).oracle
    if oracle is None:
        raise SaleError("the model accepts no quotes at present", hint="ask its owner; nothing was sent")
    return Signers(chain, oracle, chain.safe_owners(oracle) if chain.is_contract(oracle) else None)


def oracle_of(chain: Chain, oracle: OracleClient, model_id: ModelId) -> OracleInfo:
    """Information on the oracle, verified to be the model's before anything is sent to it.

    Raises:
        SettingsError: The oracle serves another contract or model, or signs nothing.
        SaleError: The model accepts no quotes.
    """
    return member_of(signers_of(chain, model_id), oracle)[0]


def member_of(signers: Signers, oracle: OracleClient) -> tuple[OracleInfo, str]:
    """Information on an oracle that signs for a model, verified, and the account by which it signs.

    Raises:
        SettingsError: It serves another contract or model, or signs nothing.
    """
    info, domain = oracle.info(), signers.chain.domain
    if (info.chain_id, info.contract) != (domain.chain_id, domain.contract):
        raise SettingsError(
            f"expected an oracle for contract {domain.contract} on chain {domain.chain_id}, {oracle.url} "
            f"works for {info.contract} on chain {info.chain_id}",
            hint="name the model's oracle: --oracle",
        )
    if not info.recipient_signature:
        raise SettingsError(
            f"expected an oracle that signs at {oracle.url}, got one on a dry run, which sells nothing",
            hint="name the model's oracle: --oracle; nothing was sent",
        )
    message = domain.recipient(info.recipient)
    for signature in (info.recipient_signature, *info.further_signatures):
        signer = signers.signer(message, signature)
        if signer is not None:
            return info, signer
    wanted = f"a member of the committee {signers.oracle}" if signers.safe else f"the model's oracle {signers.oracle}"
    fault = "no member signed" if signers.safe else "the model's oracle did not sign"
    raise SettingsError(
        f"expected {wanted} at {oracle.url}, got {info.oracle}, whose recipient {fault}",
        hint="name the model's oracle: --oracle; nothing was sent",
    )


def check_model(terms: ModelTerms, model: ModelInfo) -> ModelInfo:
    """What an oracle published of a model, verified to be what the function's hash on chain commits to.

    Otherwise it could tell each seller other columns or, of a price from sums, other features: encrypted sums over
    features of its choice tell it what it likes.

    Args:
        terms: On chain.
        model: The oracle's word.

    Raises:
        OracleMisbehaved: It is of another price function.
    """
    try:
        found = model.function_hash()
    except ValueError:
        found = b""
    if found != terms.function_hash:
        raise OracleMisbehaved(
            f"expected what the model's price function 0x{terms.function_hash.hex()} commits to, the oracle published "
            "other columns, sums or figures",
            hint="tell the model's owner, who chose the oracle; nothing was sent",
        )
    return model


def check_quote(
    chain: Chain, record: OfferRecord, terms: ModelTerms, quote: Quote, signature: bytes, *, latest_expiry: int
) -> None:
    """Verifies that a quote is for the offered data, repeats the earlier price, and is signed by the model's oracle.

    ``latest_expiry`` is the unix time until which it may be posted at most.

    Raises:
        OracleMisbehaved: It is not.
    """
    offered = (record.model_id, record.seller, record.data_root)
    if (quote.model_id, quote.seller, quote.data_root) != offered:
        raise OracleMisbehaved("the quote is for another model, seller or data set than was offered")
    if not 0 < quote.price <= terms.max_price:
        raise OracleMisbehaved(f"expected a price from 1 to {terms.max_price}, got {quote.price}")
    if record.blind_quote is not None and record.blind_quote.price != quote.price:
        raise OracleMisbehaved(
            f"expected the price of the blind quote, {record.blind_quote.price}, got {quote.price}",
            hint="the record of the offer has the oracle's signature over the blind quote",
        )
    if quote.expiry > latest_expiry:
        raise OracleMisbehaved(
            f"expected a quote that expires by {latest_expiry}, got one that can be posted until {quote.expiry}",
            hint="do not accept: a signed acceptance cannot be taken back before the quote expires",
        )
    if record.quote is not None and (quote.price, quote.content_id) != (
        record.quote.price,
        record.quote.content_id,
    ):
        raise OracleMisbehaved(f"the oracle quoted {record.quote.price} before and {quote.price} now, for one offer")
    oracle = chain.model_state(record.model_id).oracle
    message = chain.domain.quote(quote)
    if oracle is None or not is_signed_by(chain, oracle, message, signature):
        signer = signer_of(message, signature)
        raise OracleMisbehaved(f"expected a quote signed by the model's oracle {oracle}, got one signed by {signer}")


def check_receipts(chain: Chain, terms: ModelTerms, *, trust_wallet: bool) -> None:
    """Verifies before an offer that the receipts of the model's owner, if its terms ask for them, cannot be taken back.

    Raises:
        SaleError: The owner is a contract, and ``trust_wallet`` is not set.
    """
    if terms.require_receipt and chain.is_contract(terms.owner):
        _check_trusted(terms.owner, trust_wallet)


def reliable_signature(
    chain: Chain, order: Order, message: SignableMessage, signature: bytes | None, *, trust_wallet: bool
) -> bytes | None:
    """The buyer's signature over ``message`` if it is valid, and stays valid in the block; otherwise None.

    Raises:
        SaleError: The buyer is a contract, which can take its signature back, and ``trust_wallet`` is not set.
    """
    if signature is None or signer_of(message, signature) == order.buyer:
        return signature
    if not chain.is_contract(order.buyer):
        return None
    _check_trusted(order.buyer, trust_wallet)
    return signature


def _check_trusted(wallet: str, trust_wallet: bool) -> None:
    if not trust_wallet:
        raise SaleError(
            f"expected a buyer whose signature stays valid, {wallet} is a contract: it can take its receipt back "
            "when it sees the key in the mempool, and owe nothing",
            hint="sell to a model without receipts, or, if you trust this buyer, say so: --trust-wallet",
        )
