"""What can fail in the oracle, as one tree. ``code`` is the class name in snake case, ``status`` the HTTP status.

AssayError
└── ServiceError                 500
    ├── JournalError             500  the database is in use, of a newer version, or damaged
    ├── BackupInvalid            500  a file is no backup, or damaged
    ├── ClaimLost                500  another replica took an offer over while it was priced
    ├── RecordsPricedMeanwhile   500  records of an offer were priced in another one meanwhile
    ├── Equivocation             500  the signer was asked to contradict the ledger
    ├── PriceFunctionDiffers     500  the model was registered with another price function
    ├── CausedError              500  base of errors whose cause is the code
    ├── PricingCutShort          500  pricing took too long, or its process ended
    ├── DataRefused              500  the pricing process refused the data
    ├── InternalError            500  a fault of the oracle
    ├── StorageUnavailable       503  the store of uploads and deliveries does not answer
    ├── NotHealthy               503  a part of the daemon does not work
    └── RequestError             400  a request cannot be served; nothing was lost
        ├── NotFound             404  there is no such call
        ├── MethodNotAllowed     405  the call has other methods
        ├── RequestInvalid       422  the request is not of the protocol's form
        ├── RequestTooLarge      413  the JSON body is too large
        ├── RequestTimedOut      408  the body came too slowly
        ├── TokenMissing         401  the call asks for a session, or for the operator's token
        ├── TokenInvalid         401  the token is not one that the call takes
        ├── LoginInvalid         403  the login is for another oracle, too late, or was used
        ├── RateExceeded         429  more requests than one account or address may send
        ├── OfferUnknown         404  the account has no offer with this id
        ├── ModelUnknown         404  the oracle does not price for this model
        ├── ModelUnavailable     503  the oracle is to price for this model and cannot at present
        ├── OrderUnknown         404  the account has no order with this id on chain
        ├── SignatureInvalid     403  the party that must sign did not
        ├── OfferConflict        409  the offer is in another state, or was opened with other contents
        ├── KeyMismatch          422  the locked key is not the one that opens the priced file
        ├── UploadOffsetMismatch 409  bytes would be missing in between
        ├── UploadTooLarge       413  more bytes than declared or allowed
        ├── UploadBusy           409  another request is appending to this upload
        ├── TooManyOffers        429  more open offers than the oracle takes
        ├── TooMuchBeside        422  more distinct records in the seller's other offers than an offer is priced with
        ├── BlindRefused         422  a message of a blind quote cannot be answered
        ├── ChunksTooLarge       422  larger chunks than the model takes
        ├── StorageFull          507  the disk or its quota is full
        ├── ModelNotReady        409  the chain's state forbids a sale: halted, no budget, no bond, another oracle
        ├── DeliveryDeleted      410  the files of an order that was closed long ago are deleted
        └── RangeInvalid         416  no such bytes
"""

from typing import ClassVar

from assay.errors import AssayError

INTERRUPTED = "interrupted"
"""Code of a ``PricingCutShort`` that the oracle's own stop caused."""


class ServiceError(AssayError):
    """Root of the oracle's errors; ``hint`` says what to do."""

    status: ClassVar[int] = 500


class JournalError(ServiceError):
    """The database is in use, of a newer version, or damaged.

    Remedy: stop the other daemon, or repair the file; never start a fresh journal.
    """


class ClaimLost(ServiceError):
    """Pricing took so long without a renewal of its claim that another replica took the offer over.

    Remedy: none is needed: the other replica prices the offer; look for what kept this one from the ledger.
    """


class RecordsPricedMeanwhile(ServiceError):
    """Records of an offer were priced in another offer while it was priced itself.

    Remedy: none is needed: the offer is priced again, with these records as known ones.
    """


class BackupInvalid(ServiceError):
    """A file is no backup of an oracle, or it is damaged.

    Remedy: name a file that `assay-oracle backup` wrote, whole.
    """


class Equivocation(ServiceError):
    """The signer was asked to contradict the ledger.

    Remedy: compare the journal with its backup: it was altered, or restored from an old copy.
    """


class PriceFunctionDiffers(ServiceError):
    """The model was registered with another price function.

    Remedy: name the folder of the artifact that the model was registered with.
    """


class CausedError(ServiceError):
    """Base of errors whose ``cause`` is the code."""

    def __init__(self, cause: str, message: str, *, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.cause = cause

    @property
    def code(self) -> str:
        """The cause's stable name."""
        return self.cause


class PricingCutShort(CausedError):
    """Pricing took more than its time or memory, or its process ended; ``cause`` is the code.

    Remedy: split the data; the oracle's log has the cause.
    """


class DataRefused(CausedError):
    """The pricing process refused the data; ``cause`` is the code of its error.

    Remedy: as the message says.
    """


class InternalError(ServiceError):
    """A fault of the oracle.

    Remedy: try again later; the oracle's log has the traceback.
    """


class StorageUnavailable(ServiceError):
    """The oracle's store of uploads and deliveries does not answer.

    Remedy: try again later; what was received is kept.
    """

    status = 503


class NotHealthy(ServiceError):
    """The daemon cannot price, sign or reach its chain.

    Remedy: `assay-oracle check`.
    """

    status = 503


class RequestError(ServiceError):
    """Base of refused requests; nothing was lost."""

    status = 400


class RequestInvalid(RequestError):
    """The request is not of the protocol's form.

    Remedy: send what the message asks for.
    """

    status = 422


class NotFound(RequestError):
    """There is no such call.

    Remedy: `protocol.md` lists the calls.
    """

    status = 404


class MethodNotAllowed(RequestError):
    """The call has other methods than this one.

    Remedy: `protocol.md` lists the calls.
    """

    status = 405


class RequestTooLarge(RequestError):
    """The JSON body exceeds 64 KiB.

    Remedy: send what the protocol asks for.
    """

    status = 413


class RequestTimedOut(RequestError):
    """The body of the request, or the next MiB of an upload, came too slowly.

    Remedy: send it again; resume an upload from `received_bytes`.
    """

    status = 408


class TokenMissing(RequestError):
    """The call asks for a session, or for the operator's token, and the request has no token.

    Remedy: log in: `GET` and `POST /v1/login`; the client does.
    """

    status = 401


class TokenInvalid(RequestError):
    """The token is not one that the call takes: of another oracle, altered, expired, or for other calls.

    Remedy: log in again: `GET` and `POST /v1/login`; the client does.
    """

    status = 401


class LoginInvalid(RequestError):
    """The login is for another oracle, its challenge has expired, or it was used.

    Remedy: connect under a URL that the oracle's operator lists (`urls`); ask for a new challenge: `GET /v1/login`.
    """

    status = 403


class RateExceeded(RequestError):
    """One account or one address sends more requests, logins or offers than the oracle takes.

    Remedy: continue after `Retry-After` seconds; the client does.
    """

    status = 429

    def __init__(self, message: str, *, retry_after: int) -> None:
        super().__init__(message, hint=f"continue in {retry_after} seconds")
        self.retry_after = retry_after


class OfferUnknown(RequestError):
    """The account that is logged in has no offer with this id.

    Remedy: use the key that the offer was made with, or open the offer: `POST /v1/offers`.
    """

    status = 404


class ModelUnknown(RequestError):
    """The oracle does not price for this model.

    Remedy: `GET /v1/info` lists the models.
    """

    status = 404


class ModelUnavailable(RequestError):
    """The oracle is configured to price for this model and cannot at present: its price function is missing or altered.

    Remedy: offer again after `Retry-After` seconds; tell the oracle's operator if it lasts.
    """

    status = 503


class OrderUnknown(RequestError):
    """The account that is logged in has no order with this id on chain.

    Remedy: use the key of the order's buyer or seller; ask again a moment after posting.
    """

    status = 404


class SignatureInvalid(RequestError):
    """The party that must sign did not.

    Remedy: sign with the key of that party, for this chain and contract.
    """

    status = 403


class OfferConflict(RequestError):
    """The offer is in another state, or was opened with other contents.

    Remedy: `GET` the offer for its state.
    """

    status = 409


class KeyMismatch(RequestError):
    """The key that the acceptance locks is not the one that opens the priced file.

    Remedy: lock that key, for this order.
    """

    status = 422


class UploadOffsetMismatch(RequestError):
    """Bytes would be missing between what arrived before and what came.

    Remedy: resume from `received_bytes`.
    """

    status = 409


class UploadTooLarge(RequestError):
    """More bytes than the offer declared, or than the oracle takes.

    Remedy: declare the envelope's length, or split the data.
    """

    status = 413


class UploadBusy(RequestError):
    """Another request is appending to this upload.

    Remedy: wait for the other request, then resume.
    """

    status = 409


class TooManyOffers(RequestError):
    """More open offers than the oracle takes.

    Remedy: finish, accept or decline an offer, or try later.
    """

    status = 429


class TooMuchBeside(RequestError):
    """The seller's other offers have more distinct records than an offer can be priced jointly with.

    Remedy: let offers expire; the data can be offered again.
    """

    status = 422


class BlindRefused(CausedError, RequestError):
    """A message of a blind quote cannot be answered; ``cause`` is the code."""

    status = 422


class ChunksTooLarge(RequestError):
    """The chunks of the sealed file are larger than the model takes: a dispute sends one to the chain, for gas.

    Remedy: seal in smaller chunks (``GET /v1/models/ID`` has the bound); the data can be offered again.
    """

    status = 422


class StorageFull(RequestError):
    """The oracle's disk or its quota is full.

    Remedy: resume later; what was received is kept.
    """

    status = 507


class ModelNotReady(CausedError, RequestError):
    """The chain's state forbids a sale: halted, no budget, no bond, or another oracle; ``cause`` is the code."""

    status = 409


class DeliveryDeleted(RequestError):
    """The files of an order that was closed long ago are deleted.

    Remedy: use the copy that was downloaded.
    """

    status = 410


class RangeInvalid(RequestError):
    """No such bytes.

    Remedy: ask for `bytes=FIRST-`.
    """

    status = 416
