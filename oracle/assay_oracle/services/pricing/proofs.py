"""Proofs of prices, kept as files: of an evaluated offer, before its evaluation is recorded."""

from assay.protocol.proof.proven import ProvenPrice
from assay.protocol.types import OfferId
from assay_oracle.services.ports import BlobStore


class Proofs:
    """The proofs in ``blobs``. A proof is public but for its opening, which the two sides of a sale get."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs

    def keep(self, offer_id: OfferId, proven: ProvenPrice) -> None:
        """Keeps the proof of an offer's price; one of an attempt that was cut short is replaced."""
        self._blobs.delete(_name(offer_id))
        with self._blobs.create(_name(offer_id)) as target:
            target.write(proven.model_dump_json().encode())

    def text(self, offer_id: OfferId) -> str | None:
        """JSON of the proof of an offer's price; None without one."""
        try:
            with self._blobs.open(_name(offer_id)) as source:
                return source.read().decode()
        except FileNotFoundError:
            return None

    def of(self, offer_id: OfferId) -> ProvenPrice | None:
        """The proof of an offer's price; None without one."""
        text = self.text(offer_id)
        return None if text is None else ProvenPrice.model_validate_json(text)


def _name(offer_id: OfferId) -> str:
    return f"proofs/{offer_id.hex()}.json"
