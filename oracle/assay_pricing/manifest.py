"""The manifest of a price function: everything about it but its tensors."""

import pkgutil
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any, Literal

from pydantic import Field

from assay.protocol.schema import Schema
from assay.protocol.types import Bytes32, Value
from assay_pricing.errors import ArtifactError, BacktestError, FidelityError
from assay_pricing.price import Outlook, PricingRule

_LIBRARIES = ("numpy", "scikit-learn", "torch")
"""What computes a price: another version of one may give another price to the same offer."""
_RELEASE = 2
"""Numbers of a version, from the first on, that tell releases apart; those after them mend faults."""
VERSION = 9
"""Raised by every change by which a stored price function would price otherwise, or have another hash."""
FIDELITY_FLOOR = 0.90
"""A surrogate that agrees less with its model does not price, unless its prices were tested (``Backtest``)."""
LEAST_KAPPA = 0.8
"""Or unless its agreement corrected for chance is *almost perfect*, in the scale of Landis and Koch (1977)."""
LEAST_EXPLAINED = 0.5
"""Share of the spread of the model's answers that a learner must explain, unless the model itself was retrained."""
_CLEAR = 2.0
"""Standard errors by which a figure differs from 0."""
_SURE = 1.3
"""Standard errors of a slope, at least, by which it differs from 1 before anything is corrected."""
_SIZES = (0.5, 2.0)
"""Least and largest slope that prices are divided by."""


class Leak(Value):
    """What one tensor of the artifact discloses. The owner decides by this table who may hold the artifact."""

    tensor: str
    bytes: int
    owner_records: int
    """Records of the owner whose features or labels it holds."""
    validation_records: int
    """Validation records whose features or labels it holds."""
    carries: str


class Carried(Value):
    """What all tensors of the artifact disclose together."""

    bytes: int
    owner_records: int
    validation_records: int
    copy_fidelity: float
    """Agreement with the model, 0..1, of the best known copy of it that can be made from the artifact."""
    copied_by: str


class Agreement(Value):
    """How often the surrogate answers as the model does, on held-out records, and what that is worth.

    Attributes:
        share: Share of equal answers, 0..1.
        constant: Share that always giving the model's most common answer would reach.
        kappa: ``share`` corrected for chance: Cohen's kappa (1960), 1 for equal answers and 0 for unrelated ones.
        by_class: ``share`` among the records of which the model says the class; None for a class that it says of none.
        explained: 1 - d / c, where d is the distance of the surrogate's answers from the model's (see
            ``learners.closeness``), and c that of the best constant answer.
    """

    share: float
    constant: float
    kappa: float
    by_class: tuple[float | None, ...]
    explained: float


class Control(Value):
    """The highest gain that a control set of ``records`` worthless records reached when the function was fitted."""

    records: int
    gain: float


class Backtest(Value):
    """How the prices of held-out parts of the owner's records agree with what the parts are worth.

    Attributes:
        truth: What said the latter: the owner's training function (``train``), other learners near to the model, or
            the learner that prices itself, where no other is near: then slope and ceiling say nothing.
        episodes: Number of parts that were priced.
        skipped: Number of parts on which the owner's training failed.
        rank_agreement: Spearman's correlation of predicted and true gain, from one half of the validation records to
            the other.
        rank_error: Its standard error.
        ceiling: The same of the truth with itself.
        slope: Predicted gain over true gain, of parts that have one.
        slope_error: Its standard error.
        expected_error: Root mean squared difference of predicted and true gain, in the unit of the goal; a loss is 0.
    """

    truth: Literal["train", "learners", "itself"]
    episodes: int
    skipped: int = 0
    rank_agreement: float
    rank_error: float
    ceiling: float
    slope: float
    slope_error: float
    expected_error: float

    @property
    def is_informative(self) -> bool:
        """The rank agreement is above 0 by more than two standard errors, and so is the slope by a trained model.

        Learners among themselves do not know the size: their slope must be positive alone. Of some parts they make more
        than each other, which gives it a large error even where they rank all parts alike.
        """
        least = _CLEAR * self.slope_error if self.truth == "train" else 0.0
        return self.rank_agreement > _CLEAR * self.rank_error and self.slope > least

    @property
    def divisor(self) -> float:
        """What gains are divided by, so that they have the size of true ones: 1 unless the model itself was retrained.

        It is the slope, shrunk towards 1 by its standard error (James and Stein 1961, positive part) and bounded.
        """
        if self.truth != "train":
            return 1.0
        excess = self.slope - 1
        share = max(0.0, 1 - (_SURE * self.slope_error / excess) ** 2) if excess else 0.0
        return min(max(1 + share * excess, _SIZES[0]), _SIZES[1])


class Manifest(Value):
    """Everything about a price function but its tensors.

    Attributes:
        schema_: Columns of the files that it prices, with their encoders: ``schema_.encoded()`` is that of the records.
        method: Name of the pricing method.
        settings: The method's settings.
        metric: Name of the risk, see ``risk.Metric``.
        worst_group: Name of the column whose worst group defines the risk; None for the whole validation set.
        rule: From gain to money.
        outlook: What may be gained, and what this function pays of that for a typical offer.
        fidelity: Agreement of the surrogate with the model on held-out records, 0..1.
        agreement: What the fidelity of a classification is worth; None for a regression.
        backtest: How prices of held-out parts agreed with what these are worth; None where nothing was tested.
        label_only: The method read labels alone of the model.
        seed: Seed of every random draw.
        decay: Weight decay of the surrogate.
        risk: Risk of the surrogate before any offer; 0 for a method without one.
        target: Mean and spread of a regression's labels; (0, 1) for a classification.
        standardised: The encoder scales numbers rather than leaving them in the owner's units.
        controls: Gains of the control sets, by size.
        instability: See ``controls.instability``.
        coincidence: See ``valuation.coincidence``.
        near_radius: Distance within which two encoded records are near duplicates.
        owner_records: The owner's records that the function was fitted on.
        validation_records: Records that define the goal.
        leaks: What each tensor discloses.
        carried: What all tensors disclose together.
        libraries: Versions of the libraries at the fit, by name; see ``unlike_libraries``.
        sums: How the sums of a price from sums alone are computed (``sums.statistics.Terms``); None without one.
        remainder: Digest of what is not published, see ``artifact``; zero before ``artifact.finalize``.
        hash: Of the artifact, see ``artifact``; zero before ``artifact.finalize``.
    """

    format: Literal["assay/price-function"] = "assay/price-function"
    version: int = VERSION
    schema_: Schema
    method: str
    settings: dict[str, Any]
    metric: str
    worst_group: str | None = None
    rule: PricingRule
    outlook: Outlook
    fidelity: float
    agreement: Agreement | None = None
    backtest: Backtest | None = None
    label_only: bool
    seed: int
    decay: float
    risk: float
    target: tuple[float, float]
    standardised: bool
    controls: tuple[Control, ...]
    instability: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    coincidence: float = Field(default=0.0, ge=0, le=1)
    near_radius: float
    owner_records: int
    validation_records: int
    leaks: tuple[Leak, ...]
    carried: Carried
    libraries: dict[str, str]
    sums: dict[str, Any] | None = None
    remainder: Bytes32 = bytes(32)
    hash: Bytes32 = bytes(32)

    @property
    def published(self) -> dict[str, Any]:
        """JSON values of what is published: see ``assay.protocol.function.published``."""
        return {
            "schema": self.schema_.model_dump(mode="json"),
            "metric": self.metric,
            "pricing": self.rule.kind,
            "method": self.method,
            "fidelity": self.fidelity,
            "price_cap": str(self.rule.cap),
            "price_grid": str(self.rule.grid),
            "sums": self.sums,
        }

    def check_method(self) -> None:
        """Refuses a method that this version has not, without loading any: torch is not imported.

        Raises:
            ArtifactError: There is no method of that name.
        """
        if self.method not in method_names():
            raise ArtifactError(
                f"expected a method among {', '.join(method_names())}, got {self.method!r}",
                hint="install the version of Assay that fitted it, or fit it again with another method",
            )

    def unlike_libraries(self) -> str | None:
        """A sentence on libraries that have another minor version here than at the fit; None if there are none."""
        here = {name: _version(name) for name in self.libraries}
        found = [
            f"{name} {there} (here {here[name]})"
            for name, there in sorted(self.libraries.items())
            if there.split(".")[:_RELEASE] != here[name].split(".")[:_RELEASE]
        ]
        if not found:
            return None
        return (
            f"the price function was fitted with {', '.join(found)}: prices may differ from those at the fit; "
            f"install these versions, or fit it again"
        )

    @property
    def explained(self) -> float:
        """Share of the spread of the model's answers that the surrogate explains: R^2, or as in ``Agreement``."""
        return self.fidelity if self.agreement is None else self.agreement.explained

    def check_fidelity(self) -> None:
        """Refuses a price function whose surrogate does not represent its model, or whose prices say nothing.

        Raises:
            BacktestError: Prices of held-out parts of the owner's records do not agree with what these are worth.
            FidelityError: The surrogate agrees with the model no more often than a constant answer does. Or it agrees
                on less than 90 % of held-out records and by a kappa of less than .8, and nothing was tested. Or it
                explains less than half of the spread of the model's answers, and the test did not retrain the model.
        """
        tested = self.backtest
        if tested is None:
            self._check_floor()
        elif not tested.is_informative:
            raise _uninformative(tested)
        elif tested.truth != "train" and self.explained < LEAST_EXPLAINED:
            raise FidelityError(
                f"expected a learner that explains at least {LEAST_EXPLAINED:.0%} of the spread of the model's "
                f"answers, got {self.explained:.1%}",
                hint="let the test retrain the model itself (--train MODULE:FUNCTION); check that the columns and the "
                "task (--task) are what the model takes",
            )
        self._check_constant()

    def _check_floor(self) -> None:
        kappa = 0.0 if self.agreement is None else self.agreement.kappa
        if self.fidelity < FIDELITY_FLOOR and kappa < LEAST_KAPPA:
            raise FidelityError(
                f"expected a surrogate that agrees with the model on at least {FIDELITY_FLOOR:.0%} of held-out "
                f"records, got {self.fidelity:.1%}",
                hint="fit with more of the owner's data, or with another method; check that the columns and the task "
                "(--task) are what the model takes",
            )

    def _check_constant(self) -> None:
        found = self.agreement
        if found is not None and found.share <= found.constant and found.share < 1:
            raise FidelityError(
                f"expected a surrogate that agrees with the model more often than a constant answer does, got "
                f"{found.share:.1%} of held-out records where the constant reaches {found.constant:.1%}",
                hint="give validation records of all classes (--validation), or fit with another method; a column of "
                "text in which each value is another gives the surrogate nothing to learn",
            )


def _uninformative(tested: Backtest) -> BacktestError:
    source = {
        "train": "the retrained model",
        "learners": "other learners near to the model",
        "itself": "the same learner on other validation records",
    }[tested.truth]
    if tested.ceiling <= _CLEAR * tested.rank_error:
        hint = "give more validation records (--validation): what the parts are worth is lost in their noise"
    elif tested.truth == "train":
        hint = "price with another family (--setting family=NAME) or method; check that all columns are given"
    else:
        hint = "let the test retrain the model itself (--train MODULE:FUNCTION), or give more validation records"
    return BacktestError(
        f"expected prices of held-out parts that agree with what these are worth, by {source}: got a rank agreement of "
        f"{tested.rank_agreement:.2f} +- {tested.rank_error:.2f} and a slope of {tested.slope:.2f} +- "
        f"{tested.slope_error:.2f} over {tested.episodes} parts",
        hint=hint,
    )


def installed_libraries() -> dict[str, str]:
    """Versions of the libraries that compute prices here, by name."""
    return {name: _version(name) for name in _LIBRARIES}


def _version(name: str) -> str:
    """The installed version without the mark of its build (``+cpu``)."""
    try:
        return version(name).partition("+")[0]
    except PackageNotFoundError:
        return "none"


def method_names(folders: Iterable[str] | None = None) -> list[str]:
    """Names of all pricing methods, sorted: of the modules in ``folders``, by default those of ``methods``.

    No method is imported: most of them import torch.
    """
    if folders is None:
        spec = find_spec("assay_pricing.methods")
        folders = spec.submodule_search_locations if spec else ()
    found = pkgutil.iter_modules(folders)
    return sorted(module.name for module in found if not module.ispkg)
