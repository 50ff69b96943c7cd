"""What can go wrong in pricing, as one tree. ``code`` is the class name in snake case.

AssayError
└── PricingError
    ├── DataError       the records cannot be read or do not fit the schema
    ├── BlindError      numbers of a blind price exceed their bounds, or a message of it is not of its form
    │   ├── BlindPriceOutside  no sums within their bound have the price that came out
    │   └── BlindUnavailable   the libraries for blind prices are not installed
    ├── EncoderError    an encoder's file does not do what its declaration says
    ├── ModelError      the black box does not answer as a model of this schema must
    │   └── ModelTimeout    one call of it took longer than its limit
    ├── FidelityError   the surrogate agrees with the model too little to price by
    │   └── BacktestError   its prices of held-out parts do not agree with what these are worth
    └── ArtifactError   the price function on disk was altered, is damaged, or is of another version
        └── ArtifactExists  a folder that is not free would be overwritten
"""

from assay.errors import AssayError


class PricingError(AssayError):
    """Base of the errors of pricing; ``hint`` says what to do."""


class DataError(PricingError):
    """The records cannot be read or do not fit the schema.

    Remedy: correct the file, or name another schema.
    """


class BlindError(PricingError):
    """Numbers of a blind price exceed their bounds, or a message of it is not of its form.

    Remedy: as the message says; nothing was used up.
    """


class BlindPriceOutside(BlindError):
    """No sums within their bound have the price that came out: other numbers were encrypted.

    Remedy: encrypt the sums of the data themselves; this quote is used up.
    """


class BlindUnavailable(BlindError):
    """The libraries for blind prices are not installed.

    Remedy: `pip install 'assay[blind]'`.
    """


class ProofError(PricingError):
    """A proof of a price, or a key for proofs, cannot be made.

    Remedy: install `assay[zk]`; make the key for the model's sizes; prove a price that the statistics have.
    """


class PriceDiffers(ProofError):
    """The data have another price than the quote that was to be proven.

    Remedy: prove the price of these data alone.
    """


class EncoderError(PricingError):
    """An encoder's declaration is wrong, or its file does not take and give what the declaration says.

    Remedy: correct the declaration, or name the right file.
    """


class ModelError(PricingError):
    """The black box does not answer as a model of this schema must.

    Remedy: correct the callable.
    """


class ModelTimeout(ModelError):
    """One call of the black box took longer than its limit.

    Remedy: mend the model, or allow more: `assay-oracle fit --model-timeout SECONDS`.
    """


class FidelityError(PricingError):
    """The surrogate agrees with its model too little to price by, or no more than a constant does.

    Remedy: fit again with more data or another method; check the columns and the task.
    """


class BacktestError(FidelityError):
    """The prices of held-out parts of the owner's records do not agree with what these are worth.

    Remedy: give more validation records, `--train`, or another method; check the columns.
    """


class ArtifactError(PricingError):
    """The price function on disk was altered, is damaged, or of another version.

    Remedy: restore it, or name the right folder.
    """


class ArtifactExists(ArtifactError):
    """A price function, or another folder with files, would be overwritten.

    Remedy: write to another folder; `--replace` takes the place of a price function that no model uses.
    """
