"""Results of the units of work, one type for each part, in the JSON form in which they are stored."""

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from assay_bench.pricing.units import Part

Values = tuple[float, ...]
_RATE = 10**18  # base units per unit of gain


class Result(BaseModel):
    """Base of all that is stored as JSON. An unknown field is refused: the file is of another version."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class TruthResult(Result):
    """True gains of n offered records and of m sets, by retraining.

    Attributes:
        kinds: Kind of each offered record (n).
        update: Distance of the parameters after training with the record (n).
        validation: Gain of each record on the validation records (n), in units of loss.
        test: Gain of each record on the test records (n).
        sets_validation: Gain of each set on the validation records, by initialisation (m, i).
        sets_test: Gain of each set on the test records (m, i).
        seconds_points: Time to retrain for all records.
        seconds_sets: Time to retrain for all sets.
        accuracy: Of the true model on the test records; None for a regression.
        test_loss: Of the true model.
    """

    kinds: tuple[str, ...]
    update: Values
    validation: Values
    test: Values
    sets_validation: tuple[Values, ...]
    sets_test: tuple[Values, ...]
    seconds_points: float
    seconds_sets: float
    accuracy: float | None
    test_loss: float


class ScoreResult(Result):
    """Scores of a baseline or of a library.

    Attributes:
        points: Score of each offered record (n).
        sets: Score of each set (m); None if the scorer does not score sets.
        seconds_fit: Preparation, once for a model.
        seconds_points: Time to score all records.
    """

    points: Values
    sets: Values | None
    seconds_fit: float
    seconds_points: float


class MethodResult(ScoreResult):
    """Scores of one of the product's methods.

    Attributes:
        paid_points: ``points`` as an appraisal reports them: 0 for records that it excludes (n).
        gate: Score that separates useful records from junk (n).
        seconds_set: Mean time to score one set.
        fidelity: Agreement of the surrogate with the model, 0..1.
        refused: The fidelity is under the floor: the oracle would not price for this model.
        label_only: The method was fitted to the model's labels alone.
    """

    paid_points: Values
    gate: Values
    seconds_set: float
    fidelity: float
    refused: bool
    label_only: bool


class MissingLibrary(Result):
    """A library that is not installed, with the reason: a note in place of its scores."""

    missing: str


class CopiesResult(Result):
    """Set values of single good records, and of twenty exact or near copies of each."""

    one: Values
    exact: Values
    near: Values


class AttackGains(Result):
    """What sets were paid, and their true gains on validation and test records, one value a set."""

    paid: Values
    validation: Values
    test: Values


class AttacksResult(Result):
    """Payments and true gains of honest sets, and of what an attacker makes of them."""

    honest: AttackGains
    crafted: AttackGains
    outliers: AttackGains
    split: AttackGains


class PurchaseResult(Result):
    """Accuracy after buying the best-scored records, and the share of unwanted records among them."""

    nothing: float
    accuracy_100: float = Field(alias="100")
    junk_100: float
    accuracy_300: float = Field(alias="300")
    junk_300: float


class SpeedResult(Result):
    """Seconds to price 1,000 records, to train the model once, and to fit the price function."""

    parameters: int
    seconds: float
    training: float
    fit: float
    refused: bool


class ScaleResult(Result):
    """Seconds for a large table.

    Attributes:
        records: The owner's records.
        columns: Their features.
        seconds_fit: Time to fit a price function, without start-up.
        seconds_start: Time of a command that starts, reads the price function and shows it.
        seconds_appraise: Time of the command that appraises 1,000 records, start-up included; None if it refuses.
    """

    records: int
    columns: int
    seconds_fit: float
    seconds_start: float
    seconds_appraise: float | None


class TrueGain(Result):
    """The drop of the loss when the full model is trained with some records as well.

    Attributes:
        gain: On test records, which no price has seen.
        gain_error: Standard error of ``gain``, from the drops of the single test records.
        gain_halves: The same as ``gain`` on every other test record, and on the rest of them.
        gain_validation: On the owner's validation records, which define the price.
    """

    gain: float
    gain_error: float
    gain_halves: tuple[float, float]
    gain_validation: float


class SellerResult(TrueGain):
    """One seller's offer in a real case, with the true gain of the records that were priced.

    Attributes:
        records: How many are offered.
        priced: How many of them were priced: neither exact duplicates nor excluded by the appraisal.
        price: In base units. If the price function is refused, the price that it would give.
        set_value: Predicted gain of the records that were priced, together, in the unit of the case's metric.
        seconds: Processor time to appraise.
        whole: True gain of all records that are offered.
    """

    records: int
    priced: int
    price: int
    set_value: float
    seconds: float
    whole: TrueGain

    @property
    def price_in_gain(self) -> float:
        """The price over the default rate of a price function, in units of gain."""
        return self.price / _RATE

    @property
    def as_whole(self) -> "SellerResult":
        """The same with the true gain of the whole offer in place of that of the records that were priced."""
        return self.model_copy(update=dict(self.whole))


class CaseResult(Result):
    """One draw of a real case, by seller.

    Attributes:
        metric: ``log_loss`` or ``squared_error``: what gains are drops of.
        fidelity: Agreement of the surrogate with the model, 0..1.
        refused: The oracle would not price for this model.
        tested_rank: Rank agreement by the backtest, on parts of the owner's records; None without a backtest, like the
            next.
        tested_slope: Slope of predicted on true gain by the backtest.
        seconds_fit: Processor time to fit.
        binary_over_graded: Money that the binary rule pays for all offers, over what the graded rule pays, with the
            rates that one budget gives; None if the graded rule pays nothing.
        sellers: By kind.
    """

    metric: str
    fidelity: float
    refused: bool
    tested_rank: float | None
    tested_slope: float | None
    seconds_fit: float
    binary_over_graded: float | None
    sellers: dict[str, SellerResult]

    @property
    def as_whole(self) -> "CaseResult":
        """The same with the true gains of the whole offers, see ``SellerResult.as_whole``."""
        return self.model_copy(update={"sellers": {name: one.as_whole for name, one in self.sellers.items()}})


_TYPES: dict[Part, TypeAdapter[Result]] = {
    Part.TRUTH: TypeAdapter(TruthResult),
    Part.BASELINE: TypeAdapter(ScoreResult),
    Part.LIBRARY: TypeAdapter(ScoreResult | MissingLibrary),
    Part.METHOD: TypeAdapter(MethodResult),
    Part.LABELS: TypeAdapter(MethodResult),
    Part.COPIES: TypeAdapter(CopiesResult),
    Part.ATTACKS: TypeAdapter(AttacksResult),
    Part.PURCHASE: TypeAdapter(PurchaseResult),
    Part.SPEED: TypeAdapter(SpeedResult),
    Part.SCALE: TypeAdapter(ScaleResult),
    Part.CASE: TypeAdapter(CaseResult),
}


def parse_result(part: Part, values: object) -> Result:
    """A result from its plain JSON values.

    Raises:
        pydantic.ValidationError: The values are not a result of this part.
    """
    return _TYPES[part].validate_python(values)
