"""What a seller checks of an oracle: that it is the model's, and that its quote is for what was offered."""

from assay.chain.port import Chain
from assay.chain.queries import is_signed_by
from assay.errors import OracleMisbehaved, SaleError, SettingsError
from assay.oracle_api import OracleClient
from assay.protocol.messages import OracleInfo
from assay.protocol.statements import signer_of
from assay.protocol.structs import ModelTerms, Quote
from assay.sale.offers import OfferRecord


def oracle_of(chain: Chain, oracle: OracleClient, model_id: bytes) -> OracleInfo:
    """The oracle at that URL, found to be the model's before it is sent anything.

    Raises:
        SettingsError: it is another one's, or signs nothing.
        SaleError: the model takes no quotes.
    """
    info, domain = oracle.info(), chain.domain
    if (info.chain_id, info.contract) != (domain.chain_id, domain.contract):
        raise SettingsError(
            f"expected an oracle for contract {domain.contract} on chain {domain.chain_id}, {oracle.url} "
            f"works for {info.contract} on chain {info.chain_id}",
            hint="name the model's oracle: --oracle",
        )
    signer = chain.model_state(model_id).oracle
    if signer is None:
        raise SaleError("the model accepts no quotes at present", hint="ask its owner; nothing was sent")
    if not info.recipient_signature:
        raise SettingsError(
            f"expected an oracle that signs at {oracle.url}, that one is on a dry run and sells nothing",
            hint="name the model's oracle: --oracle; nothing was sent",
        )
    if not is_signed_by(chain, signer, domain.recipient(info.recipient), info.recipient_signature):
        raise SettingsError(
            f"expected the model's oracle {signer} at {oracle.url}, that one signs as {info.oracle} and "
            "cannot show that its recipient is the oracle's",
            hint="name the model's oracle: --oracle; nothing was sent",
        )
    return info


def check_quote(chain: Chain, record: OfferRecord, terms: ModelTerms, quote: Quote, signature: bytes) -> None:
    """Checks that a quote is for what was offered, at the price that was named before, and by the model's oracle.

    Raises:
        OracleMisbehaved: it is not.
    """
    asked = (record.model_id, record.seller, record.data_root)
    if (quote.model_id, quote.seller, quote.data_root) != asked:
        raise OracleMisbehaved("the quote is for another model, seller or data set than was offered")
    if not 0 < quote.price <= terms.max_price:
        raise OracleMisbehaved(f"expected a price from 1 to {terms.max_price}, got {quote.price}")
    if record.quote is not None and (quote.price, quote.content_id) != (
        record.quote.price,
        record.quote.content_id,
    ):
        raise OracleMisbehaved(f"the oracle quoted {record.quote.price} before and {quote.price} now, for one offer")
    oracle = chain.model_state(record.model_id).oracle
    message = chain.domain.quote(quote)
    if oracle is None or not is_signed_by(chain, oracle, message, signature):
        signer = signer_of(message, signature)
        raise OracleMisbehaved(f"expected a quote signed by the model's oracle {oracle}, got one by {signer}")
