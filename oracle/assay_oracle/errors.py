"""What can go wrong in the oracle, as one tree.

``OracleError``
    ``DataError``      the records cannot be read or do not fit the schema
    ``ModelError``     the black box does not answer as a model of this schema must
    ``FidelityError``  the surrogate agrees with the model too little to price by
    ``ArtifactError``  the price function on disk was altered, is damaged, or is of another version
"""


class OracleError(Exception):
    """Root of the oracle's errors; ``hint`` says what to do."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class DataError(OracleError):
    """The records cannot be read or do not fit the schema."""


class ModelError(OracleError):
    """The black box does not answer as a model of this schema must."""


class FidelityError(OracleError):
    """The surrogate agrees with the model too little to price by."""


class ArtifactError(OracleError):
    """The price function on disk was altered, is damaged, or is of another version."""
