"""Models that the oracle prices for: terms from the chain, price function from the disk, and whether a sale can be."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol, Self

from assay.chain.port import Chain
from assay.protocol.messages import ModelInfo
from assay.protocol.schema import Schema
from assay.protocol.structs import ModelTerms
from assay_oracle.errors import ModelNotReady, ModelUnknown
from assay_pricing.errors import ArtifactError, FidelityError

FIDELITY_FLOOR = 0.90


class RecordsLike(Protocol):
    """Parsed records: ``assay_pricing.records.records.Records``."""

    @property
    def n(self) -> int: ...  # noqa: D102
    def hashes(self) -> Iterable[bytes]: ...  # noqa: D102
    def join(self, other: Any) -> Self: ...  # noqa: D102


class AppraisalLike(Protocol):
    """What a price function says of records: ``assay_pricing.appraisal.Appraisal``."""

    @property
    def price(self) -> int: ...  # noqa: D102
    @property
    def records(self) -> int: ...  # noqa: D102
    @property
    def priced(self) -> int: ...  # noqa: D102
    @property
    def fidelity(self) -> float: ...  # noqa: D102
    @property
    def reasons(self) -> tuple[str, ...]: ...  # noqa: D102
    def canonical_json(self) -> bytes: ...  # noqa: D102
    def digest(self) -> bytes: ...  # noqa: D102


class PriceFunctionLike(Protocol):
    """A fitted price function: ``assay_pricing.function.PriceFunction``."""

    @property
    def hash(self) -> bytes: ...  # noqa: D102
    @property
    def schema(self) -> Schema: ...  # noqa: D102
    @property
    def manifest(self) -> Any: ...  # noqa: D102
    def appraise(  # noqa: D102
        self, records: Any, *, known: frozenset[bytes] = ..., context: Any = ..., sold: Any = ...
    ) -> AppraisalLike: ...


Parse = Callable[[BinaryIO, Schema], RecordsLike]


@dataclass(frozen=True)
class PricedModel:
    """One model with its terms and price function."""

    model_id: bytes
    terms: ModelTerms
    function: PriceFunctionLike

    @classmethod
    def load(cls, model_id: bytes, artifact: Path, chain: Chain, load: Callable[[Path], PriceFunctionLike]) -> Self:
        """Reads terms and artifact, and checks that they belong together.

        Raises:
            ModelUnknown: the model is not registered with this contract.
            ArtifactError: the artifact is not the one that the terms name, or is damaged.
            FidelityError: the surrogate is below the floor.
        """
        found = chain.model_terms(model_id)
        if found is None:
            raise ModelUnknown(
                f"expected model 0x{model_id.hex()} on chain {chain.domain.chain_id} at {chain.domain.contract}, "
                "found none",
                hint="register it (assay model register), or take it out of the configuration",
            )
        terms = found[0]
        function = load(artifact)
        if function.hash != terms.function_hash:
            raise ArtifactError(
                f"expected the price function with hash 0x{terms.function_hash.hex()}, "
                f"got 0x{function.hash.hex()} at {artifact}",
                hint="point the configuration to the artifact that the model was registered with",
            )
        if function.manifest.fidelity < FIDELITY_FLOOR:
            raise FidelityError(
                f"expected a fidelity of at least {FIDELITY_FLOOR}, got {function.manifest.fidelity:.3f} at {artifact}",
                hint="fit again with more data or another method, and register the model anew",
            )
        return cls(model_id, terms, function)

    def info(self) -> ModelInfo:
        """What a data owner needs to know before offering."""
        manifest = self.function.manifest
        return ModelInfo(
            model_id=self.model_id,
            terms=self.terms,
            schema=self.function.schema,
            metric=manifest.metric,
            pricing=manifest.rule.kind,
            method=manifest.method,
            fidelity=manifest.fidelity,
        )

    def check_ready(self, chain: Chain, oracle: str | None, seller: str | None = None) -> None:
        """Whether a sale could be posted now, whatever the price; asked before the one evaluation is used.

        ``oracle`` None: a dry run, whose signer is unknown. The budget must cover the highest price: a refusal that
        depends on the price would tell the price.

        Raises:
            ModelNotReady: it could not.
        """
        state = chain.model_state(self.model_id)
        if state.oracle is None:
            raise ModelNotReady("model_halted", "the model accepts no quotes at present", hint="ask its owner")
        if oracle is not None and state.oracle != oracle:
            raise ModelNotReady(
                "oracle_replaced",
                f"the model's oracle is {state.oracle}, not {oracle}",
                hint="offer to that oracle",
            )
        if state.budget < self.terms.max_price:
            raise ModelNotReady(
                "budget_too_small",
                f"expected a budget that covers the model's highest price {self.terms.max_price}, got {state.budget}",
                hint="the model's owner must fund it (assay model fund); then offer again: nothing was used up",
            )
        if oracle is not None and self.terms.oracle_bond:
            bond, unlocks_at = chain.oracle_bond(self.model_id, oracle)
            if bond < self.terms.oracle_bond or unlocks_at:
                raise ModelNotReady(
                    "oracle_bond_too_small",
                    f"expected an oracle bond of {self.terms.oracle_bond}, got {0 if unlocks_at else bond}",
                    hint="the oracle's operator must add to it (assay model bond)",
                )
        if seller is not None and self.terms.seller_bond:
            credit = chain.credit(self.terms.token, seller)
            if credit < self.terms.seller_bond:
                raise ModelNotReady(
                    "credit_too_small",
                    f"expected credit of at least the seller bond {self.terms.seller_bond}, {seller} has {credit}",
                    hint="deposit it first: assay credit deposit",
                )
