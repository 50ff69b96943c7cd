"""Accepted quotes become orders on chain. The chain is asked first, so that a repeated attempt does no harm."""

import logging

from assay.chain.port import Chain
from assay.chain.queries import registered_terms
from assay.chain.values import EndedLate, PostedOrder
from assay.errors import ContractReverted, TransactionFailed
from assay.protocol.messages import OfferStatus
from assay.protocol.structs import order_id
from assay_oracle.ledger.values import Evaluation, Offer
from assay_oracle.log import about
from assay_oracle.services.clock import Clock
from assay_oracle.services.ports import Ledger
from assay_oracle.services.watching import find_order, record_order

MAX_FAILED_POSTS = 2
"""Transactions that post the order of one evaluation, and may be mined and fail, before the oracle sends none any more.

They run no code of the seller: the oracle accepts what a key signed. Only a transaction of another party that came
first can make one fail: a budget or a credit that is withdrawn, for example.
"""

log = logging.getLogger(__name__)


class Posting:
    """Posts the orders of accepted offers from the oracle's account."""

    def __init__(self, ledger: Ledger, chain: Chain, clock: Clock) -> None:
        self._ledger = ledger
        self._chain = chain
        self._clock = clock
        self._mined_in = 0
        """Block of the last transaction. A node that does not have it yet would let it be sent again."""

    def post(self, offer: Offer) -> None:
        """Posts the order of an accepted offer, unless it is on chain or a transaction is on its way.

        An offer whose order the contract refuses is quoted again.
        """
        evaluation = self._ledger.evaluations.of(offer)
        assert evaluation is not None
        posted = find_order(self._chain, evaluation.order_id()) or self._post(offer, evaluation)
        if posted is not None:
            record_order(self._ledger, offer.offer_id, posted)

    def _post(self, offer: Offer, evaluation: Evaluation) -> PostedOrder | None:
        signed = next(q for q in self._ledger.evaluations.quotes(evaluation) if q.digest == offer.accepted_quote)
        if self._clock.latest() > signed.quote.expiry:
            reason = "the quote expired before the order was posted; accept the renewed quote, at the same price"
            self._ledger.offers.withdraw_acceptance(offer.offer_id, "quote_expired", reason)
            return None
        if not self._ledger.leads_still():
            return None
        if self._chain.unmined() or self._chain.block_number() < self._mined_in:
            log.warning(
                "posting waits for a transaction to be mined, or for the node to catch up",
                extra=about(offer=offer.offer_id),
            )
            return None
        assert offer.key_hash is not None
        assert offer.acceptance is not None
        terms = registered_terms(self._chain, offer.model_id)
        try:
            sent = self._chain.post(terms, signed.quote, signed.signature, offer.key_hash, offer.acceptance)
            self._mined_in = sent.block
        except (ContractReverted, TransactionFailed) as error:
            posted = find_order(self._chain, evaluation.order_id())
            if posted is None:
                self._withdraw(offer, error)
            return posted
        return find_order(self._chain, evaluation.order_id())

    def end_late(self, ended: EndedLate) -> None:
        """Counts a transaction that was mined and failed after it had had its time; its offer is quoted again."""
        if ended.function != "post" or ended.succeeded or ended.pair is None:
            return
        evaluation = self._ledger.evaluations.find(*ended.pair)
        offer = self._ledger.offers.get(evaluation.offer_id) if evaluation else None
        if offer is None or offer.status is not OfferStatus.ACCEPTED or find_order(self._chain, order_id(*ended.pair)):
            return
        text = f"the transaction that posted the order was mined and failed: {ended.error or 'without a reason'}"
        self._withdraw(offer, TransactionFailed(text, gas=ended.gas, error=ended.error))

    def _withdraw(self, offer: Offer, error: ContractReverted | TransactionFailed) -> None:
        reason = f"{error.message}; {error.hint}" if error.hint else error.message
        if isinstance(error, TransactionFailed):
            self._ledger.offers.count_failed_post(offer.offer_id)
        code = _snake(error.error) if isinstance(error, ContractReverted) else error.code
        self._ledger.offers.withdraw_acceptance(offer.offer_id, code, reason)
        log.warning("the contract refused an order", extra=about(offer=offer.offer_id, error=code))


def _snake(name: str) -> str:
    return "".join("_" + c.lower() if c.isupper() else c for c in name).lstrip("_")
