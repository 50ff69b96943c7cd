"""The proofs of purchases: checked before a purchase is paid for, and against the data once they are there.

<folder>/<order id>-<start of the data root>.proof.json         the proven price, until the data are compared with it
                                             .proven.json       the same, of data that have it
                                             .disproven.json    the same, of data that do not: evidence
"""

from collections.abc import Callable
from pathlib import Path

from assay.chain.port import Chain
from assay.errors import AssayError
from assay.files import write_whole
from assay.protocol.messages import ModelInfo, OrderRecord
from assay.protocol.proof.proven import ProvenPrice
from assay.protocol.structs import Order
from assay.sale.proven.prices import PriceDisproven, PriceProofs
from assay.sale.purchase import Purchase, PurchaseFiles

_HINT = "nothing was paid; tell the model's owner, who chose the oracle"


class ProvenPurchases:
    """Checks the prices of one model's purchases.

    Args:
        chain: Where the orders are.
        terms: Folder of the model's key, terms and opening, from its owner.
        folder: Of the purchases.
        model: What the oracle publishes of the model, verified: how statistics are computed.

    Raises:
        UsageError: A file of the model's is missing or damaged.
        OracleMisbehaved: These files contradict each other.
    """

    def __init__(self, chain: Chain, terms: Path, folder: Path, model: Callable[[], ModelInfo]) -> None:
        self._proofs = PriceProofs(chain.domain, terms, model)
        self._files = PurchaseFiles(folder)

    def before_payment(self, order: Order, held: OrderRecord) -> None:
        """Checks that the price of an order was proven, and keeps the proof.

        Raises:
            OracleMisbehaved: The oracle has no proof, or one that does not hold for this order.
        """
        proven = self._proofs.checked(held.proof, order, _HINT)
        if not self._path(order, "proven").exists():
            write_whole(self._path(order, "proof"), proven.model_dump_json().encode())

    def after_delivery(self, purchase: Purchase) -> None:
        """Compares opened data with the proof of their price, once; what contradicts it is in the purchase's error."""
        order, file = purchase.order, purchase.file
        if file is None:
            return
        kept, disproven = self._path(order, "proof"), self._path(order, "disproven")
        try:
            if kept.exists():
                proven = ProvenPrice.model_validate_json(kept.read_bytes())
                kept.replace(self._path(order, "proven") if self._proofs.is_of(proven, file) else disproven)
        except AssayError as error:
            purchase.fail(error)
        except OSError as error:
            purchase.fail_on_disk(error)
        if disproven.exists():
            purchase.fail(
                PriceDisproven(
                    f"the data of this order do not have the price {order.price} that its oracle proved",
                    hint=f"keep {disproven} and {file}: with the quote on chain they show it to anyone",
                )
            )

    def _path(self, order: Order, state: str) -> Path:
        return self._files.path(order, f".{state}.json")
