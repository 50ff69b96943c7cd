"""Distils a price function's values of single records into an integer scorer, and measures the loss of rank."""

from typing import Any, Literal

import numpy as np
from scipy.stats import rankdata, spearmanr

from assay_pricing.errors import DataError
from assay_pricing.function import PriceFunction
from assay_pricing.price import to_micros
from assay_pricing.records.records import Float64, Int64, Records
from assay_pricing.scorer.format import MAX_BITS, MAX_DEPTH, Input, IntegerForest, IntegerLinear, IntegerTree, Scorer
from assay_pricing.surrogate.network import deterministic
from assay_pricing.surrogate.queries import is_whole

Kind = Literal["linear", "tree", "forest"]
_MAX_WEIGHT = 2**15 - 1
"""Weights are scaled to sixteen bits."""
_HELD_OUT = 0.3
_TREES = 8
_RIDGE = 1e-3
_MIN_RECORDS = 20
_MIXTURES = 3000
_NEAR = 20
"""Largest distance of the two records of a mixture in the order of the labels."""
_STEPS = 32


def export(
    function: PriceFunction, records: Records, kind: Kind, *, bits: int = 4, depth: int = 6, seed: int = 0
) -> Scorer:
    """Distils a price function's record values into an integer scorer.

    Args:
        function: The price function.
        records: Records of its schema like those of future offers; each is valued under its own and another label.
        kind: ``linear``, ``tree`` (one), or ``forest`` (eight trees).
        bits: Bits of a quantised number.
        depth: Depth of a tree.
        seed: Seed of every random draw.

    Raises:
        DataError: Too few records, another schema, or bits or depth out of bounds.
        FidelityError: The function's surrogate is below the fidelity floor.
    """
    function.check_fidelity()
    if records.schema != function.schema:
        raise DataError("expected records of the price function's schema, got another schema")
    if records.n < _MIN_RECORDS:
        raise DataError(f"expected at least {_MIN_RECORDS} records to distil a score from, got {records.n}")
    if not (1 <= bits <= MAX_BITS and 1 <= depth <= MAX_DEPTH):
        raise DataError(f"expected 1 to {MAX_BITS} bits and a depth of 1 to {MAX_DEPTH}, got {bits} and {depth}")
    rng = np.random.default_rng(seed)
    held_out = rng.permutation(records.n) < _HELD_OUT * records.n
    asked, judged = _relabelled(_mixed(records.take(~held_out), rng), rng), _relabelled(records.take(held_out), rng)
    with deterministic():
        values, known = function.method.record_values(asked), function.method.record_values(judged)
    top = float(np.abs(values).max())
    if top == 0:
        raise DataError("expected records with a value to the price function, got a value of 0 for all")
    shape = Scorer(
        columns=_columns(records, bits),
        classes=records.schema.classes,
        parts=(IntegerLinear(bias=0, weights=_no_weights(records, bits)),) * max(len(records.schema.classes), 1),
        levels=(),
        drops=(0,),
        function_hash="0x" + function.hash.hex(),
        method=function.manifest.method,
        rank_agreement=0,
    )
    inputs, codes = shape.quantise(asked), asked.y.astype(np.int64) if records.schema.classes else np.zeros(asked.n)
    made = shape.model_copy(update={"parts": _parts(shape, inputs, codes, rankdata(values), kind, depth, seed)})
    levels, drops = _steps(made.scores(asked), values)
    made = made.model_copy(update={"levels": levels, "drops": drops})
    rho = float(spearmanr(made.scores(judged), known).statistic)
    agreement = 0 if np.isnan(rho) else round(rho * 10**6)
    return Scorer.model_validate(made.model_copy(update={"rank_agreement": agreement}).model_dump())


def _mixed(records: Records, rng: np.random.Generator) -> Records:
    """The records, and ``_MIXTURES`` mixtures of pairs of similar labels; a category comes from the first of a pair."""
    x = records.x
    first = rng.integers(records.n, size=_MIXTURES)
    order = np.argsort(records.y, kind="stable")
    place = np.empty(records.n, dtype=np.int64)
    place[order] = np.arange(records.n)
    second = order[np.clip(place[first] + rng.integers(-_NEAR, _NEAR + 1, _MIXTURES), 0, records.n - 1)]
    mixed = x[first] + rng.uniform(0, 0.5, (_MIXTURES, 1)) * np.nan_to_num(x[second] - x[first])
    whole = is_whole(x)
    mixed[:, whole] = np.round(mixed[:, whole])
    text = np.array([feature.kind == "categorical" for feature in records.schema.features])
    mixed[:, text] = x[first][:, text]
    every = np.concatenate([x, mixed])
    return Records(records.schema, every, np.concatenate([records.y, records.y[first]]), records.unseen)


def _relabelled(records: Records, rng: np.random.Generator) -> Records:
    """Every record under its own label, followed by itself under another label that occurs."""
    x = np.repeat(records.x, 2, axis=0)
    y = np.repeat(records.y, 2)
    k = len(records.schema.classes)
    y[1::2] = rng.integers(0, k, records.n) if k else rng.permutation(records.y)
    return Records(records.schema, x, y, records.unseen)


def _columns(records: Records, bits: int) -> tuple[Input, ...]:
    columns = []
    inputs = [(feature, records.x[:, j]) for j, feature in enumerate(records.schema.features)]
    for feature, values in inputs:
        if feature.kind == "categorical":
            columns.append(Input(name=feature.name, values=feature.categories[: 2**bits - 1]))
        else:
            columns.append(Input(name=feature.name, edges=_edges(values, bits)))
    if not records.schema.classes:
        columns.append(Input(name=records.schema.label, edges=_edges(records.y, bits)))
    return tuple(columns)


def _edges(values: Any, bits: int) -> tuple[float, ...]:
    """Quantiles of the values, each a value that occurs; fewer if few distinct values occur."""
    known = values[~np.isnan(values)].astype(np.float32)
    if not len(known):
        return ()
    found = np.unique(np.quantile(known, np.linspace(0, 1, 2**bits + 1)[1:-1], method="higher"))
    return tuple(float(edge) for edge in found if edge > known.min())


def _no_weights(records: Records, bits: int) -> tuple[tuple[int, ...], ...]:
    return tuple((0,) * (len(column.values) + 1 if column.values else 1) for column in _columns(records, bits))


def _parts(
    shape: Scorer,
    inputs: Int64,
    codes: Any,
    values: Float64,
    kind: Kind,
    depth: int,
    seed: int,
) -> tuple[IntegerLinear | IntegerForest, ...]:
    """One part per class, fitted to the ranks of the values (n,): a few large values must not decide every weight."""
    values = values / len(values) - 0.5
    fitted = []
    for code in range(len(shape.parts)):
        rows = codes == code
        if kind == "linear":
            fitted.append(_linear(shape, inputs[rows], values[rows]))
        else:
            fitted.append(_trees(inputs[rows], values[rows], kind, depth, seed))
    top = max(float(np.abs(numbers).max(initial=0)) for _, numbers in fitted) or 1.0
    return tuple(make(_MAX_WEIGHT / top) for make, _ in fitted)


def _linear(shape: Scorer, inputs: Int64, values: Float64) -> tuple[Any, Float64]:
    """Ridge regression on numbers and one-hot categories: a function from a scale to the part, and its coefficients."""
    blocks = []
    for j, column in enumerate(shape.columns):
        codes = inputs[:, j : j + 1]
        blocks.append(codes == np.arange(len(column.values) + 1) if column.values else codes)
    design = np.concatenate([*blocks, np.ones((len(inputs), 1))], axis=1).astype(np.float64)
    normal = design.T @ design + _RIDGE * max(len(inputs), 1) * np.eye(design.shape[1])
    weights = np.linalg.solve(normal, design.T @ values)
    ends = np.cumsum([block.shape[1] for block in blocks])

    def make(scale: float) -> IntegerLinear:
        whole = [round(float(weight) * scale) for weight in weights]
        return IntegerLinear(
            bias=whole[-1],
            weights=tuple(tuple(whole[a:b]) for a, b in zip([0, *ends[:-1]], ends, strict=True)),
        )

    return make, np.asarray(weights)


def _trees(inputs: Int64, values: Float64, kind: Kind, depth: int, seed: int) -> tuple[Any, Float64]:
    """Regression trees on the quantised inputs: a function from a scale to the part, and the values of its nodes."""
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.tree import DecisionTreeRegressor

    if not len(inputs):
        nothing = IntegerTree(column=(0,), threshold=(0,), left=(0,), right=(0,), value=(0,))
        return (lambda _: IntegerForest(kind="forest" if kind == "forest" else "tree", trees=(nothing,))), np.zeros(1)
    if kind == "tree":
        grown = [DecisionTreeRegressor(max_depth=depth, min_samples_leaf=3, random_state=seed).fit(inputs, values)]
    else:
        several = RandomForestRegressor(_TREES, max_depth=depth, min_samples_leaf=3, random_state=seed, n_jobs=1)
        grown = several.fit(inputs, values).estimators_
    share = 1 / len(grown)
    numbers = np.concatenate([tree.tree_.value.ravel() for tree in grown]) * share

    def make(scale: float) -> IntegerForest:
        return IntegerForest(
            kind="forest" if kind == "forest" else "tree", trees=tuple(_tree(t, scale * share) for t in grown)
        )

    return make, numbers


def _tree(grown: Any, scale: float) -> IntegerTree:
    inner = grown.tree_.children_left >= 0
    own = np.arange(grown.tree_.node_count)
    return IntegerTree(
        column=tuple(np.where(inner, grown.tree_.feature, 0).tolist()),
        threshold=tuple(np.where(inner, np.floor(grown.tree_.threshold), 0).astype(int).tolist()),
        left=tuple(np.where(inner, grown.tree_.children_left, own).tolist()),
        right=tuple(np.where(inner, grown.tree_.children_right, own).tolist()),
        value=tuple(round(float(value) * scale) for value in grown.tree_.value.ravel()),
    )


def _steps(scores: Int64, values: Float64) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """From scores back to drops of the risk: isotonic regression on the mean values between quantiles of the score."""
    from sklearn.isotonic import IsotonicRegression

    levels = np.unique(np.quantile(scores, np.linspace(0, 1, _STEPS + 1)[1:-1], method="higher"))
    levels = levels[levels > scores.min()].astype(np.int64)
    place = np.searchsorted(levels, scores, side="right")
    known, counts = np.unique(place, return_counts=True)
    means = np.bincount(place, values)[known] / counts
    rising = IsotonicRegression().fit(known, means, sample_weight=counts).predict(np.arange(len(levels) + 1))
    return tuple(levels.tolist()), tuple(to_micros(float(drop)) for drop in rising)
