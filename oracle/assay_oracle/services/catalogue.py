"""The models that the oracle prices for: terms from the chain, appraisers, and whether a sale is possible."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Self

from assay import envelope
from assay.amounts import amount_text
from assay.chain.port import Chain
from assay.protocol.messages import ModelInfo
from assay.protocol.structs import ModelTerms
from assay.protocol.types import ModelId, OfferId
from assay_oracle.errors import ModelNotReady, ModelUnavailable, ModelUnknown, PriceFunctionDiffers
from assay_oracle.services.appraiser import Appraiser


@dataclass(frozen=True)
class PricedModel:
    """One model with its terms and the appraiser of its price function."""

    model_id: ModelId
    terms: ModelTerms
    appraiser: Appraiser

    @classmethod
    def registered(cls, model_id: ModelId, appraiser: Appraiser, chain: Chain) -> Self:
        """Reads the terms from the chain; checks that they name this price function, and a key to deliver to.

        Raises:
            ModelUnknown: The model is not registered with this contract.
            PriceFunctionDiffers: The terms name another price function.
            EnvelopeInvalid: Nothing can be encrypted to the terms' delivery key.
        """
        found = chain.model_terms(model_id)
        if found is None:
            raise ModelUnknown(
                f"expected model 0x{model_id.hex()} on chain {chain.domain.chain_id} at {chain.domain.contract}, "
                "found none",
                hint="register it (assay model register), or remove it from the configuration",
            )
        terms = found[0]
        if appraiser.info.hash != terms.function_hash:
            raise PriceFunctionDiffers(
                f"expected the price function with hash 0x{terms.function_hash.hex()} for model 0x{model_id.hex()}, "
                f"got 0x{appraiser.info.hash.hex()}",
                hint="point the configuration to the artifact that the model was registered with",
            )
        envelope.recipient_of(terms.delivery_key)
        return cls(model_id, terms, appraiser)

    def info(self) -> ModelInfo:
        """What a data owner needs to know before offering."""
        function = self.appraiser.info
        return ModelInfo(
            model_id=self.model_id,
            terms=self.terms,
            schema=function.schema,
            metric=function.metric,
            pricing=function.pricing,
            method=function.method,
            fidelity=function.fidelity,
            price_cap=function.cap,
            price_grid=function.grid,
            sums=function.sums,
            remainder=function.remainder,
            limits=function.limits,
            blind=function.blind,
        )

    def check_ready(self, chain: Chain, oracles: Collection[str], seller: str | None = None) -> None:
        """Checks that a sale could be posted now at any price, before the one evaluation of the data is used.

        ``oracles`` are the accounts that sign here; none in a dry run, whose signer is unknown. The budget must cover
        the highest price: a refusal that depends on the price would reveal the price.

        Raises:
            ModelNotReady: It could not.
        """
        state = chain.model_state(self.model_id)
        if state.oracle is None:
            raise ModelNotReady("model_halted", "the model accepts no quotes at present", hint="ask its owner")
        if oracles and state.oracle not in oracles:
            raise ModelNotReady(
                "oracle_replaced",
                f"the model's oracle is {state.oracle}, not {' or '.join(oracles)}",
                hint="offer to that oracle",
            )
        if state.budget < self.terms.max_price:
            token = chain.token(self.terms.token)
            raise ModelNotReady(
                "budget_too_small",
                f"expected a budget that covers the model's highest price {amount_text(self.terms.max_price, token)}, "
                f"got {amount_text(state.budget, token)}",
                hint="the model's owner must fund it (assay model fund); then offer again: no evaluation was used",
            )
        if oracles and self.terms.oracle_bond:
            self._check_oracle_bond(chain, state.oracle)
        if seller is not None and self.terms.seller_bond:
            self._check_seller_bond(chain, seller)

    def _check_oracle_bond(self, chain: Chain, oracle: str) -> None:
        bond, unlocks_at = chain.oracle_bond(self.model_id, oracle)
        if bond < self.terms.oracle_bond or unlocks_at:
            token = chain.token(self.terms.token)
            raise ModelNotReady(
                "oracle_bond_too_small",
                f"expected an oracle bond of {amount_text(self.terms.oracle_bond, token)}, "
                f"got {amount_text(0 if unlocks_at else bond, token)}",
                hint="the oracle's operator must add to it (assay model bond)",
            )

    def _check_seller_bond(self, chain: Chain, seller: str) -> None:
        credit = chain.credit(self.terms.token, seller)
        if credit < self.terms.seller_bond:
            token = chain.token(self.terms.token)
            raise ModelNotReady(
                "credit_too_small",
                f"expected credit of at least the seller bond {amount_text(self.terms.seller_bond, token)}, "
                f"{seller} has {amount_text(credit, token)}",
                hint="deposit it first: assay credit deposit",
            )


@dataclass(frozen=True)
class Unavailable:
    """A configured model that cannot be priced for at present.

    Attributes:
        code: Stable name of the cause, e.g. ``artifact_error``.
        message: What was expected and what came; it may name the operator's paths and is not shown to sellers.
        hint: What the operator can do.
    """

    model_id: ModelId
    code: str
    message: str
    hint: str | None = None


class Catalogue:
    """The priced models by id, and the configured ones that are unavailable; both are replaced while offers run."""

    def __init__(self, models: Iterable[PricedModel] = (), unavailable: Iterable[Unavailable] = ()) -> None:
        self.replace(models, unavailable)

    def replace(self, models: Iterable[PricedModel], unavailable: Iterable[Unavailable]) -> None:
        """Takes the place of everything that the catalogue had."""
        self._models = {model.model_id: model for model in models}
        self._unavailable = {model.model_id: model for model in unavailable}

    @property
    def ids(self) -> tuple[ModelId, ...]:
        """Ids of the models that are priced for at present, in the configuration's order."""
        return tuple(model_id for model_id in self._models if model_id not in self._unavailable)

    @property
    def unavailable(self) -> tuple[Unavailable, ...]:
        """Configured models that cannot be priced for at present, in the configuration's order."""
        return tuple(self._unavailable.values())

    def forget(self, offer_id: OfferId) -> None:
        """Drops the decrypted data that appraisers keep of an offer."""
        for model in self._models.values():
            model.appraiser.forget(offer_id)

    def is_proven(self, model_id: ModelId) -> bool:
        """Whether the prices of a model that is loaded are proven."""
        model = self._models.get(model_id)
        return model is not None and model.appraiser.info.is_proven

    def get(self, model_id: ModelId) -> PricedModel:
        """The model with this id.

        Raises:
            ModelUnavailable: The oracle is configured to price for it and cannot at present.
            ModelUnknown: The oracle does not price for it.
        """
        models, unavailable = self._models, self._unavailable
        if model_id in models:
            return models[model_id]
        if model_id in unavailable:
            raise ModelUnavailable(
                f"expected a model that can be priced for now, 0x{model_id.hex()} cannot: {unavailable[model_id].code}",
                hint="offer again later; if it lasts, tell the oracle's operator, whose log has the cause",
            )
        raise ModelUnknown(
            f"expected a model that this oracle prices for, got 0x{model_id.hex()}",
            hint="GET /v1/info lists the models that it prices for; a model that was registered a moment ago is priced "
            "for once the operator has added it (assay-oracle models add)",
        )
