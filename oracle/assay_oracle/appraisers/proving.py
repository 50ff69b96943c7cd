"""Proofs of the prices of one artifact, each made in a process of its own from the sums of a set."""

from dataclasses import dataclass

from pydantic import ValidationError

from assay.protocol.proof.proven import ProvenPrice
from assay.protocol.statements import Domain
from assay.protocol.structs import Quote
from assay.protocol.types import ModelId
from assay_oracle.appraisers.wire import ChannelClosed
from assay_pricing.errors import ProofError
from assay_pricing.proof.process import Job, SetSums, check


@dataclass(frozen=True)
class Proving:
    """What proves prices.

    Attributes:
        artifact: Folder of the price function.
        proofs: Folder of what proofs are made with (``assay-oracle proof setup``).
        seconds: That a proof may take.
    """

    artifact: str
    proofs: str
    seconds: float

    def check(self, model_id: ModelId, domain: Domain) -> None:
        """Makes a proof, and verifies it: see ``assay_pricing.proof.process.check``."""
        check(self.artifact, self.proofs, model_id, domain, seconds=self.seconds)

    def prove(self, sums: SetSums, quote: Quote, domain: Domain) -> ProvenPrice | None:
        """See ``OpenedOffer.prove``."""
        job = Job(artifact=self.artifact, proofs=self.proofs, sums=sums, quote=quote, domain=domain)
        try:
            return job.done(seconds=self.seconds)
        except ProofError as error:
            raise OSError(f"the price of {self.artifact} was not proven: {error.message}") from None


def sums_in(fields: object) -> SetSums:
    """The sums in an answer of a pricing process.

    Raises:
        ChannelClosed: They are none.
    """
    try:
        return SetSums.model_validate(fields)
    except ValidationError:
        raise ChannelClosed from None
