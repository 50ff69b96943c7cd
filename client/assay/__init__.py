"""Assay: sell and buy training data at a price that a surrogate of the model sets before anything changes hands.

from assay import Seller, SettlementClient, OracleClient, OfferStore
"""

from assay.buyer import Buyer, Purchase
from assay.chain import SettlementClient
from assay.contract import Deployment
from assay.errors import AssayError
from assay.offers import OfferRecord, OfferStore
from assay.oracle_api import OracleClient
from assay.protocol.quote import Domain
from assay.protocol.seal import Commitment
from assay.protocol.types import ModelTerms, Order, Quote, Status
from assay.seller import Seller

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
