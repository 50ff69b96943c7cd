"""What proofs of one model's prices are made with, on disk.

    proving.key       the proving key, of groth16py
    verification.key  the verification key, public as the next two
    terms.json        key, commitment to the model's integers, from a doubled price to money
    opening           proof that the owner knows what she committed to
    salt              of the commitment: secret

Files are written whole, the salt first: a commitment whose salt is lost could never be opened.
"""

import secrets
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from assay.files import private_folder, write_new
from assay.protocol.proof.commitment import committed, opening_proof
from assay.protocol.proof.curve import ORDER, to_bytes
from assay.protocol.proof.key import VerificationKey
from assay.protocol.proof.money import MoneyTerms
from assay.protocol.proof.proven import ProofTerms
from assay_pricing.errors import ProofError

PROVING, VERIFICATION, TERMS, OPENING, SALT = "proving.key", "verification.key", "terms.json", "opening", "salt"
_READABLE = 0o644


@dataclass(frozen=True)
class ProofFolder:
    """A folder, opened and checked against itself.

    Attributes:
        folder: Where it is.
        terms: Public terms.
        key: Verification key.
        salt: Of the commitment to the model's integers.
    """

    folder: Path
    terms: ProofTerms
    key: VerificationKey
    salt: int

    @property
    def proving(self) -> Path:
        """The proving key."""
        return self.folder / PROVING

    @classmethod
    def read(cls, folder: Path) -> "ProofFolder":
        """Opens a folder.

        Raises:
            ProofError: A file is missing or altered, or the salt or the key is of another commitment.
        """
        try:
            key = VerificationKey.from_bytes((folder / VERIFICATION).read_bytes())
            terms = ProofTerms.model_validate_json((folder / TERMS).read_bytes())
            salt = int.from_bytes((folder / SALT).read_bytes(), "big")
        except OSError as error:
            raise ProofError(
                f"expected a folder for proofs, {error.filename} is missing: {error.strerror}",
                hint="make one: assay-oracle proof setup",
            ) from None
        except (ValueError, ValidationError) as error:
            raise ProofError(f"expected a folder for proofs as it was written: {error}") from None
        if key.digest != terms.key:
            raise ProofError(f"expected the verification key {terms.key.hex()}, got {key.digest.hex()}: it was altered")
        return cls(folder, terms, key, salt)


def prepare(folder: Path) -> None:
    """Makes a folder, if it is not there, that its owner alone can read.

    Raises:
        DiskError: It cannot be made.
        ProofError: It has the files of a commitment, which are not replaced.
    """
    private_folder(folder)
    if (folder / SALT).exists():
        raise ProofError(f"expected a folder without keys for proofs, {folder} has some", hint="name a new folder")


def write(folder: Path, key: VerificationKey, numbers: list[int], money: MoneyTerms) -> ProofTerms:
    """Commits to a model's integers, and writes all files but the proving key.

    Raises:
        DiskError: The folder cannot be written, or has such files.
    """
    prepare(folder)
    salt = secrets.randbelow(ORDER)
    write_new(folder / SALT, salt.to_bytes(32, "big"))
    model = committed(numbers, salt, key.model)
    opening = opening_proof(numbers, salt, key.model, key.digest, lambda: secrets.randbelow(ORDER))
    terms = ProofTerms(key=key.digest, model=to_bytes(model), money=money)
    write_new(folder / OPENING, opening, mode=_READABLE)
    write_new(folder / VERIFICATION, key.to_bytes(), mode=_READABLE)
    write_new(folder / TERMS, terms.model_dump_json(indent=1).encode(), mode=_READABLE)
    return terms
