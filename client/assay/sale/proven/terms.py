"""What the owner of a model hands to whoever verifies proofs of its prices: a folder of three files."""

from pathlib import Path

from pydantic import ValidationError

from assay.errors import UsageError
from assay.protocol.proof.key import VerificationKey
from assay.protocol.proof.proven import ProofTerms

KEY, TERMS, OPENING = "verification.key", "terms.json", "opening"


def opened_terms(folder: Path) -> tuple[VerificationKey, ProofTerms]:
    """Key and terms, checked against each other and for an owner who knows what she committed to.

    Raises:
        UsageError: A file is missing or damaged.
        OracleMisbehaved: The files contradict each other.
    """
    try:
        key = VerificationKey.from_bytes(_read(folder / KEY))
        terms = ProofTerms.model_validate_json(_read(folder / TERMS))
    except (ValueError, ValidationError) as error:
        raise UsageError(f"expected a model's key and terms in {folder}: {error}") from None
    terms.check_opened(key, _read(folder / OPENING))
    return key, terms


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"expected a file at {path}: {error.strerror}") from None
