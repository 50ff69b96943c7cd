"""The task that a method is fitted on."""

import numpy as np
import pytest

from assay_pricing.black_box.wrap import as_black_box
from assay_pricing.errors import DataError
from assay_pricing.fitting import fit, make_task
from tests.pricing.machines import HOURS, SCHEMA, hours, machines, regression_of

pytestmark = pytest.mark.unit
OWNER = machines(1, normal=80, wear=80)
MODEL = regression_of(OWNER)


def test_thirty_percent_of_the_owners_records_are_set_aside_for_validation() -> None:
    task = make_task(MODEL, OWNER, decay=2e-3)
    assert (task.owner.n, task.validation.n) == (112, 48)
    assert set(task.owner.hashes()) | set(task.validation.hashes()) == set(OWNER.hashes())
    assert not set(task.owner.hashes()) & set(task.validation.hashes())
    assert len(task.context.base) == 112
    assert task.context.metric.name == "log_loss"


def test_few_records_leave_thirty_for_validation() -> None:
    task = make_task(MODEL, OWNER.take(range(50)), decay=2e-3)
    assert (task.owner.n, task.validation.n) == (20, 30)


@pytest.mark.parametrize("name", ["site", "state"])
def test_groups_are_the_values_of_a_category_or_the_classes(name: str) -> None:
    task = make_task(MODEL, OWNER, decay=2e-3, worst_group=name)
    expected = task.validation.y if name == "state" else task.validation.x[:, 4]
    assert task.context.metric.groups is not None
    assert task.context.metric.groups.tolist() == np.unique(expected, return_inverse=True)[1].tolist()


def test_a_black_box_is_taken_as_it_is() -> None:
    box = as_black_box(MODEL, SCHEMA, labels_only=True)
    assert make_task(box, OWNER, decay=2e-3).black_box is box


def test_a_regression_has_metrics_of_its_own_and_its_label_groups_by_quarters() -> None:
    owner = hours(1, 100)
    line = np.linalg.lstsq(owner.x[:, :4], owner.y, rcond=None)[0]

    def model(features):
        return features.iloc[:, :4].to_numpy(dtype=np.float64) @ line

    assert make_task(model, owner, decay=2e-3).context.metric.name == "squared_error"
    with pytest.raises(DataError, match="expected a metric for regression, got 'log_loss'"):
        make_task(model, owner, metric="log_loss", decay=2e-3)
    quarters = make_task(model, owner, worst_group=HOURS.label, decay=2e-3)
    order = np.argsort(quarters.validation.y)
    assert quarters.context.metric.groups is not None
    assert np.unique(quarters.context.metric.groups).tolist() == [0, 1, 2, 3]
    assert (np.diff(quarters.context.metric.groups[order]) >= 0).all()


def test_owner_and_validation_have_one_schema() -> None:
    with pytest.raises(DataError, match="expected owner's and validation records of one schema, got two"):
        fit(MODEL, OWNER, validation=hours(1, 60))
