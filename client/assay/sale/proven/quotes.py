"""The proof of a seller's quote: checked before she accepts, with her own data."""

from pathlib import Path

from assay.errors import OracleMisbehaved
from assay.files import write_whole
from assay.protocol.messages import OfferState
from assay.sale.offers import OfferRecord
from assay.sale.proven.prices import PriceDisproven, PriceProofs

_HINT = "accept nothing at this price; tell the model's owner, who chose the oracle"


def check_quoted(proofs: PriceProofs, record: OfferRecord, state: OfferState, file: Path, kept: Path) -> None:
    """Checks that the price of an offer's quote was proven for its data, and keeps the proof.

    Args:
        proofs: Of the model.
        record: The offer, with its quote.
        state: What the oracle says of it.
        file: The data.
        kept: File for the proof, written before the data are compared with it: it is evidence where they differ.

    Raises:
        OracleMisbehaved: The oracle has no proof, or one that does not hold for this quote.
        PriceDisproven: The price was proven for other data.
    """
    assert record.quote is not None
    proven = proofs.checked(state.proof, record.quote, _HINT)
    write_whole(kept, proven.model_dump_json(indent=1).encode())
    try:
        is_same = proofs.is_of(proven, file)
    except OSError as error:
        raise OracleMisbehaved(f"cannot read {file}: {error.strerror}", hint=_HINT) from None
    if not is_same:
        raise PriceDisproven(
            f"the data in {file} do not have the price {record.quote.price} that the oracle proved",
            hint=f"accept nothing; keep {kept} and the data: with the oracle's quote they show it to anyone",
        )
