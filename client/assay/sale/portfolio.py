"""What an account has: its orders on chain, its offers on disk, and what is due for each of them, until when."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from assay.chain.port import Chain
from assay.chain.queries import state_of
from assay.chain.values import PostedOrder
from assay.protocol.structs import Status
from assay.protocol.types import ModelId, OrderId
from assay.sale.offered.packing import packed_files
from assay.sale.offers import OfferRecord
from assay.sale.purchase import PurchaseFiles
from assay.sale.release import FINAL, REVEAL_MARGIN, is_borne_out, is_final


class Role(StrEnum):
    """Side of an order on which an account is."""

    SELLER = "seller"
    BUYER = "buyer"
    NONE = "other"


@dataclass(frozen=True)
class OrderView:
    """An order as one account sees it; ``file`` is the offered file of a seller, or the opened one of a buyer."""

    posted: PostedOrder
    status: Status
    deadline: int
    role: Role
    file: Path | None

    @property
    def order_id(self) -> OrderId:
        """Id of the order."""
        return self.posted.order.order_id()


@dataclass(frozen=True)
class Duty:
    """What an account can or must do next, by unix time ``until`` (None: at any time).

    ``amount`` in base units of the model's token is at stake. ``command`` is ``sell`` or ``buy``.
    """

    what: str
    until: int | None
    model_id: ModelId
    amount: int
    file: Path | None
    command: str


class Portfolio:
    """What ``address`` has on ``chain``, with its ``offers`` and the folder of its ``purchases``."""

    def __init__(self, chain: Chain, address: str, offers: Iterable[OfferRecord], purchases: Path) -> None:
        self._chain = chain
        self._address = address
        self._offers = list(offers)
        self._purchases = PurchaseFiles(purchases)
        self._files = {
            record.quote.order_id(): Path(record.source) for record in self._offers if record.quote is not None
        }

    def orders(self) -> list[OrderView]:
        """Orders that the account sells, or that its models buy; oldest first."""
        found = {posted.order.order_id(): posted for posted in self._chain.posted(seller=self._address)}
        for model in self._chain.models(self._address):
            found.update((posted.order.order_id(), posted) for posted in self._chain.posted(model_id=model.model_id))
        return self.views(sorted(found.values(), key=lambda posted: posted.block))

    def views(self, posted: Iterable[PostedOrder]) -> list[OrderView]:
        """These orders as the account sees them."""
        return [self._view(entry) for entry in posted]

    def _view(self, posted: PostedOrder) -> OrderView:
        order_id = posted.order.order_id()
        state = state_of(self._chain, posted.order)
        if posted.order.seller == self._address:
            role, file = Role.SELLER, self._files.get(order_id)
        elif posted.order.buyer == self._address:
            role, file = Role.BUYER, self._purchases.opened(posted.order, state.status)
        else:
            role, file = Role.NONE, None
        return OrderView(posted, state.status, state.deadline, role, file)

    def duties(self, orders: Iterable[OrderView], now: int) -> list[Duty]:
        """What is due for open offers and orders at unix time ``now``; the most urgent first."""
        found = [*self._offer_duties(), *(duty for view in orders if (duty := self._order_duty(view, now)))]
        return sorted(found, key=lambda duty: duty.until or 2**63)

    def _offer_duties(self) -> Iterator[Duty]:
        for record in self._offers:
            if record.outcome is not None and (record.acceptance is None or is_borne_out(self._chain, record)):
                continue
            price, until = 0, None
            if record.quote is None:
                what = "wait for the price" if record.offer_id else "upload, and wait for the price"
            else:
                if self._chain.order_state(record.quote.order_id()).status is not Status.NONE:
                    continue  # an order by now
                price, until = record.quote.price, record.quote.expiry
                what = "accept or decline the quote" if record.acceptance is None else "see the accepted quote posted"
            yield Duty(what, until, record.model_id, price, Path(record.source), "sell")

    def _order_duty(self, view: OrderView, now: int) -> Duty | None:
        """What is due for one order; None if nothing is."""
        due = {
            (Role.SELLER, Status.LOCKED): ("see it paid, or reveal the key", view.deadline - REVEAL_MARGIN),
            (Role.SELLER, Status.REVEALED): ("collect the payment after the dispute window", None),
            (Role.BUYER, Status.LOCKED): ("download, check and acknowledge", view.deadline),
            (Role.BUYER, Status.REVEALED): ("open and check; dispute a bad chunk", view.deadline),
        }.get((view.role, view.status))
        if view.role is Role.BUYER and view.status is Status.PAID and self._is_paid_unopened(view):
            due = ("open what is paid, once the key is here", None)
        open_end = view.status in FINAL and not is_final(self._chain, view.posted.order, view.status)
        if view.role is Role.SELLER and open_end:
            due = (f"{view.status.name.lower()}: wait for {self._chain.confirmations} confirmations", None)
        if due is None:
            return None
        what, until = due
        if view.status is Status.LOCKED and now > view.deadline:
            if view.role is Role.SELLER:
                return None
            what, until = "take the refund: the key did not come", None
        elif view.status is Status.REVEALED and now > view.deadline and view.role is Role.BUYER:
            return None
        order = view.posted.order
        command = "sell" if view.role is Role.SELLER else "buy"
        return Duty(what, until, order.model_id, order.price, view.file, command)

    def _is_paid_unopened(self, view: OrderView) -> bool:
        """Whether the sealed file of a purchase lies in the folder, and the opened one does not."""
        return view.file is None and self._purchases.sealed(view.posted.order).exists()


def disposable_files(
    views: Iterable[OrderView], offers: Iterable[OfferRecord], home: Path, purchases: Path
) -> list[Path]:
    """Sealed copies that no open offer or order needs any more. Keys and records are none of them.

    A seller's are those of offers that ended before a sale, and of orders in a final state, with the packed copies of
    folders that no other offer is of. A buyer's are those of orders in a final state; of a paid one, once the data is
    on disk, open.
    """
    ended = {view.order_id: view for view in views if view.status in FINAL}
    found, sources = [], set()
    for record in offers:
        sold = record.quote is not None and record.acceptance is not None
        if record.quote.order_id() in ended if sold and record.quote else record.outcome is not None:
            folder = home / "offers" / record.data_root.hex()
            found += [folder / "data.sealed", *folder.glob("upload*.age")]
        else:
            sources.add(Path(record.source))
    found += [path for path in packed_files(home) if path.resolve() not in sources]
    for view in ended.values():
        if view.role is Role.BUYER and (view.status is not Status.PAID or view.file):
            found += PurchaseFiles(purchases).disposable(view.posted.order)
    return [path for path in found if path.exists()]
