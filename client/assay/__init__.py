"""Assay: sell and buy training data at a price that a surrogate of the model sets before anything changes hands.

from assay import OfferStore, OracleClient, Seller, SettlementClient

Public are the names of this package, and all of ``assay.errors`` (what is raised), ``assay.envelope`` and
``assay.keys`` (keys at rest and in transit). Each name is imported when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assay.chain.interface import Deployment
    from assay.chain.settlement import SettlementClient
    from assay.errors import AssayError
    from assay.oracle.api import OracleClient
    from assay.oracle.committee import Committee
    from assay.oracle.session import Party
    from assay.protocol.statements import Domain
    from assay.protocol.structs import ModelTerms, Order, Quote, Status
    from assay.protocol.tree import Commitment
    from assay.sale.buyer import Buyer
    from assay.sale.offers import OfferRecord, OfferStore
    from assay.sale.purchase import Purchase
    from assay.sale.seller import Seller

__all__ = [
    "AssayError",
    "Buyer",
    "Commitment",
    "Committee",
    "Deployment",
    "Domain",
    "ModelTerms",
    "OfferRecord",
    "OfferStore",
    "OracleClient",
    "Order",
    "Party",
    "Purchase",
    "Quote",
    "Seller",
    "SettlementClient",
    "Status",
]

_MODULES = {
    "assay.chain.interface": ("Deployment",),
    "assay.chain.settlement": ("SettlementClient",),
    "assay.errors": ("AssayError",),
    "assay.oracle.api": ("OracleClient",),
    "assay.oracle.committee": ("Committee",),
    "assay.oracle.session": ("Party",),
    "assay.protocol.statements": ("Domain",),
    "assay.protocol.structs": ("ModelTerms", "Order", "Quote", "Status"),
    "assay.protocol.tree": ("Commitment",),
    "assay.sale.buyer": ("Buyer",),
    "assay.sale.offers": ("OfferRecord", "OfferStore"),
    "assay.sale.purchase": ("Purchase",),
    "assay.sale.seller": ("Seller",),
}


def __getattr__(name: str) -> Any:
    for module, names in _MODULES.items():
        if name in names:
            return getattr(import_module(module), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
