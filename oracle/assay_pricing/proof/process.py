"""A proof of a price in a process of its own, which is ended after its time: ``python -m assay_pricing.proof.process``.

It reads a ``Job`` from its standard input and writes a ``ProvenPrice``. It reads no data: of a set it is told the sums.
"""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from pydantic import Field, ValidationError

from assay.protocol.proof.proven import ProvenPrice
from assay.protocol.statements import Domain
from assay.protocol.structs import Quote
from assay.protocol.types import ZERO_ADDRESS, ModelId, Value
from assay_pricing.errors import PriceDiffers, ProofError
from assay_pricing.proof.folder import ProofFolder

_SHOWN = 400
_DIFFERS = 3


class SetSums(Value):
    """What a price is of.

    Attributes:
        numbers: Triangle of Q, and U row by row: the statistics of the distinct records.
        records: Number of these.
    """

    numbers: tuple[int, ...]
    records: int = Field(ge=1, lt=2**32)


class Job(Value):
    """A price to prove.

    Attributes:
        artifact: Folder of the price function.
        proofs: Folder of what proofs of it are made with.
        sums: Of the set.
        quote: Whose price it is.
        domain: Where the quote is valid.
    """

    artifact: str
    proofs: str
    sums: SetSums
    quote: Quote
    domain: Domain

    def done(self, *, seconds: float) -> ProvenPrice | None:
        """The proven price; None if the quote has another price than the set alone.

        Args:
            seconds: After which it is ended.

        Raises:
            ProofError: It took longer, or failed.
        """
        command = [sys.executable, "-m", "assay_pricing.proof.process"]
        pipe = subprocess.PIPE
        with subprocess.Popen(  # noqa: S603 - our own module
            command, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True
        ) as process:
            try:
                out, talk = process.communicate(self.model_dump_json().encode(), timeout=seconds)
            except subprocess.TimeoutExpired:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)  # with the prover that it started
                raise ProofError(f"expected a proof within {seconds:.0f} s, got none") from None
        if process.returncode == _DIFFERS:
            return None
        try:
            return ProvenPrice.model_validate_json(out)
        except ValidationError:
            said = talk.decode(errors="replace").strip().rpartition("\n")[2]
            raise ProofError(f"expected a proof, got none: {said[:_SHOWN]}") from None


def check(artifact: str, proofs: str, model_id: ModelId, domain: Domain, *, seconds: float) -> None:
    """Proves the price of a set without statistics, which is 0, and verifies the proof.

    Args:
        artifact: Folder of the price function.
        proofs: Folder of what proofs of it are made with.
        model_id: The model.
        domain: Where its quotes are valid.
        seconds: After which the proof is ended.

    Raises:
        ProofError: The folder, or a library, does not make proofs of this price function's prices.
        OracleMisbehaved: The proving key is of another verification key.
    """
    folder = ProofFolder.read(Path(proofs))
    sizes, zero = folder.key.sizes, bytes(32)
    nothing = SetSums(numbers=(0,) * (sizes.triangle + sizes.features * sizes.outputs), records=1)
    quote = Quote(
        model_id=model_id,
        content_id=zero,
        seller=ZERO_ADDRESS,
        data_root=zero,
        price=folder.terms.money.price(0, 1),
        expiry=0,
        evaluation=zero,
    )
    job = Job(artifact=artifact, proofs=proofs, sums=nothing, quote=quote, domain=domain)
    proven = job.done(seconds=seconds)
    assert proven is not None, "both processes compute the price by one rule"
    proven.check(folder.terms, folder.key, domain, quote)


def main() -> None:
    """Does one job."""
    from assay_pricing import artifact
    from assay_pricing.proof.pricing import ProofPricing
    from assay_pricing.sums.blind import TENSOR
    from assay_pricing.sums.form import PriceForm

    job = Job.model_validate_json(sys.stdin.buffer.read())
    _, content = artifact.read_tensor(Path(job.artifact), TENSOR)
    if content is None:
        raise ProofError("expected a price function with a price from sums, got another")
    pricing = ProofPricing.of_form(PriceForm.model_validate_json(content), ProofFolder.read(Path(job.proofs)))
    try:
        proven = pricing.prove_numbers(list(job.sums.numbers), job.sums.records, job.quote, job.domain)
    except PriceDiffers:
        sys.exit(_DIFFERS)
    sys.stdout.write(proven.model_dump_json())


if __name__ == "__main__":
    main()
