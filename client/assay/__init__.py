"""Assay: sell and buy training data at a price that a surrogate of the model sets before anything changes hands.

from assay import Seller, SettlementClient, OracleClient, OfferStore
"""

from assay.chain.interface import Deployment
from assay.chain.settlement import SettlementClient
from assay.errors import AssayError
from assay.oracle_api import OracleClient
from assay.protocol.seal import Commitment
from assay.protocol.statements import Domain
from assay.protocol.types import ModelTerms, Order, Quote, Status
from assay.sale.buyer import Buyer, Purchase
from assay.sale.offers import OfferRecord, OfferStore
from assay.sale.seller import Seller

__all__ = [
    "AssayError",
    "Buyer",
    "Commitment",
    "Deployment",
    "Domain",
    "ModelTerms",
    "OfferRecord",
    "OfferStore",
    "OracleClient",
    "Order",
    "Purchase",
    "Quote",
    "Seller",
    "SettlementClient",
    "Status",
]
