"""What is whose: a party's own offers and orders. Of all others it hears what it hears of those that do not exist."""

from collections.abc import Callable

from assay.protocol.messages import OfferStatus
from assay.protocol.types import OfferId, OrderId
from assay_oracle.errors import OfferUnknown, OrderUnknown, SignatureInvalid
from assay_oracle.ledger.values import Offer, Sale
from assay_oracle.services.ports import Ledger


class Parties:
    """The parties of all offers and orders in ``ledger``."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def offers_in(self, *statuses: OfferStatus) -> list[Offer]:
        """Offers of all sellers in one of ``statuses``, for the operator; the longest unchanged first."""
        return self._ledger.offers.in_status(*statuses)

    def check_seller(self, account: str, seller: str) -> None:
        """Checks that an account opens an offer of its own.

        Raises:
            SignatureInvalid: It opens another's.
        """
        if account != seller:
            raise SignatureInvalid(
                f"expected an offer of {account}, who is logged in, got one of {seller}",
                hint="log in with the key of the offer's seller",
            )

    def offer_of(self, account: str, offer_id: OfferId) -> Offer:
        """An offer of the account.

        Raises:
            OfferUnknown: It is another's, or does not exist.
        """
        offer = self._ledger.offers.find(offer_id)
        if offer is None or offer.seller != account:
            raise OfferUnknown(
                f"expected an offer of {account}, there is none with id 0x{offer_id.hex()}",
                hint="use the key that the offer was made with, or open the offer: POST /v1/offers",
            )
        return offer

    def check_blind(self, account: str, offer_id: OfferId) -> None:
        """Checks that a blind quote is the account's.

        Raises:
            OfferUnknown: It is not, or does not exist.
        """
        session = self._ledger.blind.find(offer_id)
        if session is None or session.seller != account:
            raise OfferUnknown(
                f"expected a blind quote of {account}, there is none with id 0x{offer_id.hex()}",
                hint="use the key that it was asked for with, or ask for it: POST /v1/blind",
            )

    def check_side(self, account: str, order_id: OrderId) -> None:
        """Checks that the account is the seller or the buyer of an order.

        Raises:
            OrderUnknown: It is neither, or there is no such order on chain.
        """
        self._check_order(account, order_id, lambda sale: (sale.order.seller, sale.order.buyer))

    def check_buyer(self, account: str, order_id: OrderId) -> None:
        """Checks that the account is the buyer of an order.

        Raises:
            OrderUnknown: It is not, or there is no such order on chain.
        """
        self._check_order(account, order_id, lambda sale: (sale.order.buyer,))

    def _check_order(self, account: str, order_id: OrderId, parties: Callable[[Sale], tuple[str, ...]]) -> None:
        sale = self._ledger.orders.find(order_id)
        if sale is None or account not in parties(sale):
            raise OrderUnknown(
                f"expected an order of {account}, there is none with id 0x{order_id.hex()} on chain",
                hint="use the key of the order's buyer; an order that was posted a moment ago is known a moment later",
            )
