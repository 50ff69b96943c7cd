"""Cases whose model is gradient boosting over a table: a scikit-learn pipeline that takes a data frame."""

from typing import Any

import numpy as np

from assay_bench.figures import Floats
from assay_bench.pricing.cases.case import Answer, Case, class_probabilities
from assay_bench.pricing.cases.sellers import OFF_TOPIC, SAME, common_sellers, relabelled
from assay_bench.pricing.cases.tables import Rows
from assay_pricing.records.inputs import to_frame
from assay_pricing.records.records import Records


def boosted_case(
    table: Records, rows: Rows, other_task: Floats, settings: dict[str, Any], rng: np.random.Generator
) -> Case:
    """A case of gradient boosting.

    Args:
        table: All records (n).
        rows: Who has which of them.
        other_task: Labels of another task (n,), with which one seller offers the new records.
        settings: Of the boosting.
        rng: Source of everything random of the sellers.
    """
    owner, new = table.take(rows.owner), table.take(rows.new)
    model = boosted(owner, settings)
    return Case(
        model=model,
        train=lambda records: answers_of(boosted(records, settings)),
        owner=owner,
        validation=table.take(rows.validation),
        test=table.take(rows.test),
        sellers=common_sellers(new, owner, answers_of(model), rng)
        | {SAME: table.take(rows.same), OFF_TOPIC: relabelled(new, other_task[rows.new])},
    )


def boosted(records: Records, settings: dict[str, Any]) -> Any:
    """A pipeline of gradient boosting over the columns as a data frame, fitted on records.

    Args:
        records: To fit on.
        settings: Of ``HistGradientBoostingClassifier`` or ``HistGradientBoostingRegressor``.
    """
    from sklearn.compose import make_column_transformer
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OrdinalEncoder

    schema = records.schema
    coded = make_column_transformer(
        (
            OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
            [feature.name for feature in schema.features if feature.kind == "categorical"],
        ),
        remainder="passthrough",
    )
    frame = to_frame(schema, records.x)
    if schema.task == "regression":
        return make_pipeline(coded, HistGradientBoostingRegressor(**settings)).fit(frame, records.y)
    names = np.array(schema.classes)[records.y.astype(np.int64)]
    return make_pipeline(coded, HistGradientBoostingClassifier(**settings)).fit(frame, names)


def answers_of(pipeline: Any) -> Answer:
    """A fitted pipeline over a data frame as a model of records."""

    def answer(records: Records) -> Floats:
        frame, schema = to_frame(records.schema, records.x), records.schema
        if schema.task == "regression":
            return np.asarray(pipeline.predict(frame), dtype=np.float64)
        return class_probabilities(pipeline, frame, schema.classes)

    return answer
