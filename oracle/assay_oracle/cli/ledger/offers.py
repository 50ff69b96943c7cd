"""``assay-oracle offers`` and ``drop``: the operator's view of the journal, with or without a running daemon."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import click

from assay.amounts import amount_text
from assay.chain.queries import registered_terms
from assay.cli.params import ADDRESS, HEX32
from assay.cli.tables import duration_text, id_text, size_text, table
from assay.cli.terminal import emit, json_option, report
from assay.errors import AssayError, UsageError
from assay.protocol.messages import OfferStatus
from assay.protocol.types import ModelId
from assay_oracle.cli.options import config_option
from assay_oracle.errors import OfferConflict, OfferUnknown
from assay_oracle.ledger.operator import DROPPED, ListedOffer, OperatorJournal
from assay_oracle.ledger.values import RUNNING
from assay_oracle.services.uploads import upload_name
from assay_oracle.settings import Settings
from assay_oracle.storage.chosen import delete_blob

REASON = "the oracle's operator dropped this offer; ask the operator, then offer again"
_FEWEST_DIGITS = 6


def unix_time() -> int:
    """This machine's clock."""
    return int(time.time())


def _journal(settings: Settings) -> OperatorJournal:
    return OperatorJournal(settings.ledger_url(), now=unix_time)


@dataclass
class Prices:
    """Prices in the unit of a model's token; in base units while the chain does not answer."""

    settings: Settings

    def __post_init__(self) -> None:
        self._texts: dict[ModelId, Callable[[int], str]] = {}

    def text(self, model_id: ModelId, price: int | None) -> str:
        """A price for a reader; a dash before the evaluation."""
        if price is None:
            return "-"
        if model_id not in self._texts:
            self._texts[model_id] = self._of(model_id)
        return self._texts[model_id](price)

    def _of(self, model_id: ModelId) -> Callable[[int], str]:
        from assay_oracle.server.daemon import open_chain

        try:
            chain = open_chain(self.settings)
            token = chain.token(registered_terms(chain, model_id).token)
        except AssayError:
            return lambda price: f"{price} base units"
        return lambda price: amount_text(price, token)


@click.command()
@config_option
@click.option("--status", "statuses", multiple=True, type=click.Choice([*OfferStatus]), help="Repeatable.")
@click.option("--all", "everything", is_flag=True, help="Also offers that ended or were posted.")
@click.option("--model", "model_id", type=HEX32, help="Offers to this model.")
@click.option("--seller", type=ADDRESS, help="Offers of this account.")
@json_option
def offers(
    config: Path | None,
    statuses: tuple[str, ...],
    everything: bool,
    model_id: ModelId | None,
    seller: str | None,
    as_json: bool,
) -> None:
    """List offers with model, seller, status, size, age, price and reason; by default those that are under way.

    \b
    Examples:
      assay-oracle offers --config oracle.toml
      assay-oracle offers --status pricing --json
    """
    settings, now = Settings.read(config), unix_time()
    names = {entry.id: entry.artifact.name for entry in settings.models}
    wanted = tuple(map(OfferStatus, statuses)) or (tuple(OfferStatus) if everything else RUNNING)
    with _journal(settings) as journal:
        found = journal.offers(statuses=wanted, model_id=model_id, seller=seller)
    prices = Prices(settings)
    rows = [
        (
            id_text(listed.offer.offer_id),
            names.get(listed.offer.model_id, id_text(listed.offer.model_id)),
            listed.offer.seller,
            listed.offer.status,
            size_text(listed.offer.upload_bytes),
            duration_text(now - listed.offer.opened_at),
            prices.text(listed.offer.model_id, listed.price),
            listed.offer.reason or "-",
        )
        for listed in found
    ]
    heads = ("offer", "model", "seller", "status", "size", "age", "price", "reason")
    emit([_plain(listed, now) for listed in found], table(heads, rows) if rows else "no offers", as_json)


def _plain(listed: ListedOffer, now: int) -> dict[str, object]:
    offer = listed.offer
    return {
        "offer_id": offer.offer_id,
        "model_id": offer.model_id,
        "seller": offer.seller,
        "status": offer.status,
        "upload_bytes": offer.upload_bytes,
        "age_seconds": now - offer.opened_at,
        "attempts": offer.attempts,
        "price": None if listed.price is None else str(listed.price),
        "quote_expiry": listed.expiry,
        "code": offer.code,
        "reason": offer.reason,
    }


@click.command()
@click.argument("offer", metavar="OFFER")
@config_option
@click.option("--reason", default=REASON, help="What the seller reads.")
@json_option
def drop(offer: str, config: Path | None, reason: str, as_json: bool) -> None:
    """End OFFER, named by its id or the first digits of it; never one whose quote was accepted or posted.

    Its upload is deleted and its seller reads the reason. The signed quote of a quoted offer stays valid until it
    expires, and its upload stays as long; it is not renewed.

    \b
    Example:
      assay-oracle drop 0x3f2a91 --reason "too large for this oracle" --config oracle.toml
    """
    settings = Settings.read(config)
    with _journal(settings) as journal:
        listed = _named(journal, offer)
        dropped = journal.drop(listed.offer.offer_id, reason)
    if dropped.code != DROPPED:
        raise OfferConflict(
            f"expected an offer that is under way and not accepted, this one is {dropped.status}",
            hint="an accepted quote is binding; assay-oracle offers lists what is under way",
        )
    if dropped.status is OfferStatus.REFUSED:  # also one that was dropped before, whose upload an interruption left
        delete_blob(settings, upload_name(dropped.offer_id))
    elif listed.expiry is not None and listed.expiry > unix_time():
        report(f"its signed quote is valid for {duration_text(listed.expiry - unix_time())}; the upload stays as long")
    result = {"offer_id": dropped.offer_id, "status": dropped.status, "reason": dropped.reason}
    emit(result, f"{dropped.status}  0x{dropped.offer_id.hex()}", as_json)


def _named(journal: OperatorJournal, name: str) -> ListedOffer:
    digits = name.removeprefix("0x")
    if len(digits) < _FEWEST_DIGITS or any(digit not in "0123456789abcdefABCDEF" for digit in digits):
        raise UsageError(f"expected at least {_FEWEST_DIGITS} hex digits of an offer's id, got {name!r}")
    found = journal.offers(prefix=digits)
    if len(found) != 1:
        raise OfferUnknown(
            f"expected one offer with an id that begins with {name}, found {len(found)}",
            hint="assay-oracle offers --all --json shows all digits",
        )
    return found[0]
