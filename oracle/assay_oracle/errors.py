"""What can go wrong in the oracle, as one tree. ``code`` is the class name in snake case.

AssayError
└── ServiceError
    ├── JournalError             the database is in use, of a newer version, or damaged
    ├── Equivocation             the signer was asked to contradict what the journal holds
    └── RequestError             a request cannot be served; nothing was lost
        ├── RequestInvalid       it is not of the protocol's form
        ├── OfferUnknown  ModelUnknown  OrderUnknown
        ├── SignatureInvalid     not by the one who must have signed
        ├── OfferConflict        the offer is in no state for this, or was made with other contents
        ├── KeyMismatch          the locked key is not the one that opens the priced file
        ├── QuoteExpired         the acceptance is of a quote that can no longer be posted
        ├── UploadOffsetMismatch bytes would be missing in between
        ├── UploadTooLarge       more bytes than declared or allowed
        ├── UploadBusy           another request is appending to this upload
        ├── TooManyOffers        more offers are open than the oracle takes
        ├── TooMuchBeside        more records than an offer can be priced jointly with
        ├── StorageFull          the disk or its quota is full
        ├── ModelNotReady        the chain's state forbids a sale: halted, no budget, no bond, another oracle
        ├── OrderNotLocked       the files of an order closed long ago are deleted
        └── RangeInvalid         no such bytes
"""

from assay.errors import AssayError


class ServiceError(AssayError):
    """Root of the oracle's errors; ``hint`` says what to do."""


class JournalError(ServiceError):
    """The database is in use, of a newer version, or damaged."""


class Equivocation(ServiceError):
    """The signer was asked to sign what contradicts the journal."""


class RequestError(ServiceError):
    """A request cannot be served; nothing was lost."""


class RequestInvalid(RequestError):
    """The request is not of the protocol's form."""


class OfferUnknown(RequestError):
    """There is no offer of this id."""


class ModelUnknown(RequestError):
    """The oracle does not price for this model."""


class OrderUnknown(RequestError):
    """The oracle knows of no order of this id."""


class SignatureInvalid(RequestError):
    """A signature is not by the one who must have signed."""


class OfferConflict(RequestError):
    """The offer is in no state for this, or was made with other contents."""


class KeyMismatch(RequestError):
    """The key that the acceptance locks is not the one that opens the priced file."""


class QuoteExpired(RequestError):
    """The acceptance is of a quote that can no longer be posted."""


class UploadOffsetMismatch(RequestError):
    """Bytes would be missing between what is there and what came."""


class UploadTooLarge(RequestError):
    """More bytes than the offer declared, or than the oracle takes."""


class UploadBusy(RequestError):
    """Another request is appending to this upload."""


class TooManyOffers(RequestError):
    """More offers are open than the oracle takes."""


class TooMuchBeside(RequestError):
    """More records were sold, or are open, than an offer can be priced jointly with."""


class StorageFull(RequestError):
    """The oracle's disk or its quota is full."""


class ModelNotReady(RequestError):
    """The chain's state forbids a sale: halted, no budget, no bond, or another oracle; ``cause`` is the code."""

    def __init__(self, cause: str, message: str, *, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.cause = cause

    @property
    def code(self) -> str:
        """The cause's stable name."""
        return self.cause


class OrderNotLocked(RequestError):
    """The files of an order that was closed long ago are deleted."""


class RangeInvalid(RequestError):
    """No such bytes."""
