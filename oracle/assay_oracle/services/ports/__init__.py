"""What the services need of the outside, as protocols: the ledger, the files and the signing key.

The port of prices is ``appraiser.Appraiser``, the chain's is ``assay.chain.port.Chain``. Each port has one
implementation in a room of its own (``ledger/``, ``storage/``, ``keys/``, ``appraisers/``); another one is a new module
there, chosen where the daemon is composed.
"""

from assay_oracle.services.ports.files import BlobStore, BlobWriter, Scratch, StorageSilent
from assay_oracle.services.ports.ledger import (
    BlindLedger,
    EvaluationLedger,
    Ledger,
    LoginLedger,
    OfferLedger,
    OrderLedger,
)
from assay_oracle.services.ports.signing import Signer

__all__ = [
    "BlindLedger",
    "BlobStore",
    "BlobWriter",
    "EvaluationLedger",
    "Ledger",
    "LoginLedger",
    "OfferLedger",
    "OrderLedger",
    "Scratch",
    "Signer",
    "StorageSilent",
]
