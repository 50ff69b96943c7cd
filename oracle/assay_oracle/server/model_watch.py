"""Keeps the catalogue as settings, artifacts and chain are: models are added, removed and mended without a restart."""

import logging
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from assay.chain.port import Chain
from assay.chain.values import ModelState
from assay.errors import AssayError, ChainError, SettingsError
from assay.protocol.structs import ModelTerms
from assay.protocol.types import ModelId
from assay_oracle.log import about
from assay_oracle.services.appraiser import Appraiser
from assay_oracle.services.catalogue import Catalogue, PricedModel, Unavailable
from assay_oracle.settings import Fingerprint, ModelEntry

REVOKED = ("model_halted", "oracle_replaced", "member_removed")
"""Why a model is unavailable whose owner, or whose committee, revoked this oracle's key."""
LoadAppraiser = Callable[[ModelEntry], Appraiser]
"""The appraiser of a configured model, out of its artifact."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Loaded:
    """What an artifact gave when it was last read: an appraiser, or the reason why there is none."""

    fingerprint: Fingerprint | None
    result: Appraiser | Unavailable


class ModelWatch:
    """Brings the catalogue up to date at each ``refresh``. One unavailable model leaves the others as they are.

    Args:
        catalogue: What is kept up to date.
        chain: Where the models are registered.
        read: Reads the configured models again; raises ``SettingsError``.
        load: Makes the appraiser of a model.
        registered: Called with each model that is found registered with its artifact's price function.
        oracles: The accounts that sign now, and the committee that one is a member of; none in a dry run.
        committee: That committee's Safe, whose owners are looked up.
        follow: Called with each model whose prices are proven, its terms, and the oracle that the chain names: that
            contract is one of ``oracles`` then; raises ``AssayError`` if it takes no proofs that are made here.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        chain: Chain,
        *,
        read: Callable[[], Iterable[ModelEntry]],
        load: LoadAppraiser,
        registered: Callable[[ModelEntry], None] = lambda _: None,
        oracles: Callable[[], Collection[str]],
        committee: str | None = None,
        follow: Callable[[ModelEntry, ModelTerms, str], None] = lambda *_: None,
    ) -> None:
        self._catalogue = catalogue
        self._chain = chain
        self._read = read
        self._load = load
        self._report_registered = registered
        self._oracles = oracles
        self._committee = committee
        self._follow = follow
        self._entries: tuple[ModelEntry, ...] | None = None
        self._settings_fault = ""
        self._loaded: dict[ModelEntry, _Loaded] = {}
        self._models: dict[ModelEntry, PricedModel] = {}
        self._faults: dict[ModelId, Unavailable] = {}
        self._states: dict[ModelId, tuple[int, ModelState]] = {}
        """Of each model, what the chain said of it, and the latest block before it was asked."""

    def refresh(self) -> None:
        """Reads the settings, the artifacts that changed, and the registrations that are not known yet."""
        entries = self._configured()
        loaded = {entry: self._loaded_of(entry) for entry in entries}
        models: dict[ModelEntry, PricedModel] = {}
        faults: list[Unavailable] = []
        block = self._latest_block()
        for entry, found in loaded.items():
            made = self._registered(entry, found)
            if isinstance(made, Unavailable):
                faults.append(made)
                continue
            models[entry] = made
            faults.extend(self._revoked(entry, made, block))
        self._loaded, self._models = loaded, models
        self._catalogue.replace(models.values(), faults)
        self._log(faults)

    def _configured(self) -> tuple[ModelEntry, ...]:
        """The configured models; those of the last reading while the settings cannot be read."""
        try:
            entries = tuple(self._read())
        except SettingsError as error:
            if self._entries is None:
                raise
            if error.message != self._settings_fault:
                log.error("settings not read again; the last ones hold", extra=about(cause=error.message))
            self._settings_fault = error.message
            return self._entries
        self._settings_fault = ""
        if not entries and self._entries != ():
            log.warning(
                "no model to price for: waiting until one is added", extra=about(hint="assay-oracle models add")
            )
        self._entries = entries
        return entries

    def _loaded_of(self, entry: ModelEntry) -> _Loaded:
        """The artifact of a model, read again only if its files changed."""
        fingerprint = entry.fingerprint()
        last = self._loaded.get(entry)
        if last is not None and fingerprint is not None and last.fingerprint == fingerprint:
            return last
        try:
            return _Loaded(fingerprint, self._load(entry))
        except AssayError as error:
            return _Loaded(fingerprint, _unavailable(entry, error))
        except Exception as error:
            log.exception("an artifact cannot be loaded", extra=about(model=entry.id))
            text = f"cannot load {entry.artifact}: {type(error).__name__}"
            return _Loaded(fingerprint, Unavailable(entry.id, "artifact_error", text, "fit it again"))

    def _registered(self, entry: ModelEntry, loaded: _Loaded) -> PricedModel | Unavailable:
        """The model with its terms, which never change: the chain is asked once for each loaded artifact."""
        if isinstance(loaded.result, Unavailable):
            return loaded.result
        known = self._models.get(entry)
        if known is not None and known.appraiser is loaded.result:
            return known
        try:
            model = PricedModel.registered(entry.id, loaded.result, self._chain)
        except AssayError as error:
            return _unavailable(entry, error)
        self._report_registered(entry)
        return model

    def _latest_block(self) -> int | None:
        """Number of the latest block; None if the node does not say."""
        try:
            return self._chain.block_number()
        except ChainError:
            return None

    def _revoked(self, entry: ModelEntry, model: PricedModel, block: int | None) -> list[Unavailable]:
        """That the model's owner named another oracle, or a contract that takes no proofs that are made here.

        Its offers are still answered: with the oracle to offer to.
        """
        asked = self._states.get(model.model_id)
        if block is None:
            return []  # unknown is not revoked
        if asked is None or asked[0] != block:
            try:
                asked = block, self._chain.model_state(model.model_id)
            except ChainError:
                return []
            self._states[model.model_id] = asked
        now = asked[1].oracle
        if now is None:
            return [Unavailable(model.model_id, "model_halted", "the model's owner halted it", "ask its owner")]
        if entry.proofs is not None:
            try:
                self._follow(entry, model.terms, now)
            except AssayError as error:
                return [_unavailable(entry, error)]
        oracles = self._oracles()
        if oracles and now not in oracles:
            text = f"the model's oracle is {now}, not {' or '.join(oracles)}"
            return [Unavailable(model.model_id, "oracle_replaced", text, "assay-oracle models remove")]
        if oracles and now == self._committee and self._was_removed(now):
            text = f"none of {' and '.join(oracles)} is an owner of the committee"
            return [Unavailable(model.model_id, "member_removed", text, "let the owners of the Safe add it")]
        return []

    def _was_removed(self, committee: str) -> bool:
        """Whether the committee's Safe lists no account of this oracle; not while its owners are unknown."""
        try:
            safe = self._chain.safe_owners(committee)
        except ChainError:
            return False
        return safe is not None and not set(self._oracles()) & set(safe.owners)

    def _log(self, faults: Iterable[Unavailable]) -> None:
        """Logs every model that became unavailable, or available again."""
        found = {fault.model_id: fault for fault in faults}
        for fault in found.values():
            if self._faults.get(fault.model_id) != fault:
                log.error(
                    "model unavailable; the others are served",
                    extra=about(model=fault.model_id, code=fault.code, cause=fault.message, hint=fault.hint),
                )
        for model in self._models.values():
            if model.model_id in self._faults and model.model_id not in found:
                log.info("model available again", extra=about(model=model.model_id))
        self._faults = found


def _unavailable(entry: ModelEntry, error: AssayError) -> Unavailable:
    return Unavailable(entry.id, error.code, error.message, error.hint)
