"""The proofs of purchases: checked before a purchase is paid for, and against the data once they are there.

<folder>/<order id>-<start of the data root>.proof.json         the proven price, until the data are compared with it
                                             .proven.json       the same, of data that have it
                                             .disproven.json    the same, of data that do not: evidence
"""

from collections.abc import Callable
from pathlib import Path

from pydantic import ValidationError

from assay.chain.port import Chain
from assay.errors import AssayError, ExitCode, OracleMisbehaved
from assay.files import write_whole
from assay.protocol.messages import ModelInfo, OrderRecord
from assay.protocol.proof.proven import ProvenPrice, statistics_numbers
from assay.protocol.structs import Order
from assay.sale.blind import sums_of
from assay.sale.proven.terms import opened_terms
from assay.sale.purchase import Purchase, PurchaseFiles

_HINT = "nothing was paid; tell the model's owner, who chose the oracle"


class PriceDisproven(OracleMisbehaved):
    """Data that were bought do not have the price that their oracle proved.

    Remedy: keep the files that the hint names; name another oracle (`assay model set-oracle`).
    """

    exit_code = ExitCode.EVIDENCE


class ProvenPurchases:
    """Checks the prices of one model's purchases.

    Args:
        chain: Where the orders are.
        terms: Folder of the model's key, terms and opening, from its owner.
        folder: Of the purchases.
        model: What the oracle publishes of the model: how statistics are computed.

    Raises:
        UsageError: A file of the model's is missing or damaged.
        OracleMisbehaved: These files contradict each other.
    """

    def __init__(self, chain: Chain, terms: Path, folder: Path, model: Callable[[], ModelInfo]) -> None:
        self._chain = chain
        self._key, self._terms = opened_terms(terms)
        self._files = PurchaseFiles(folder)
        self._model = model

    def before_payment(self, order: Order, held: OrderRecord) -> None:
        """Checks that the price of an order was proven, and keeps the proof.

        Raises:
            OracleMisbehaved: The oracle has no proof, or one that does not hold for this order.
        """
        if held.proof is None:
            raise OracleMisbehaved("expected an order whose price is proven, the oracle has no proof of it", hint=_HINT)
        try:
            proven = ProvenPrice.model_validate_json(held.proof)
        except ValidationError as error:
            raise OracleMisbehaved(f"expected a proven price, got other text: {error}"[:500], hint=_HINT) from None
        proven.check(self._terms, self._key, self._chain.domain, order)
        if not self._path(order, "proven").exists():
            write_whole(self._path(order, "proof"), held.proof.encode())

    def after_delivery(self, purchase: Purchase) -> None:
        """Compares opened data with the proof of their price, once; what contradicts it is in the purchase's error."""
        order, file = purchase.order, purchase.file
        if file is None:
            return
        kept, disproven = self._path(order, "proof"), self._path(order, "disproven")
        try:
            if kept.exists():
                proven = ProvenPrice.model_validate_json(kept.read_bytes())
                kept.replace(self._path(order, "proven") if self._is_of(proven, file) else disproven)
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

    def _is_of(self, proven: ProvenPrice, file: Path) -> bool:
        sums = sums_of(file, self._model())
        numbers = statistics_numbers(sums.second.tolist(), sums.first.tolist())
        try:
            proven.check_statistics(self._key, numbers, sums.records)
        except OracleMisbehaved:
            return False
        return True

    def _path(self, order: Order, state: str) -> Path:
        return self._files.path(order, f".{state}.json")
