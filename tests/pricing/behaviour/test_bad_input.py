"""Bad input is refused with the reason, or priced with a reason that names it; never a silent zero."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from assay.protocol.schema import Schema
from assay_pricing import artifact
from assay_pricing.errors import ArtifactError, DataError, FidelityError, ModelError
from assay_pricing.fitting import fit
from assay_pricing.function import PriceFunction
from assay_pricing.manifest import VERSION
from assay_pricing.records.inference import infer
from assay_pricing.records.records import Records
from assay_pricing.records.tables import parse_records, parse_table
from tests.pricing.machines import SCHEMA, machines, regression_of

pytestmark = pytest.mark.unit
OWNER = machines(1, normal=80, wear=80)
HELD = machines(2, normal=60, wear=60)
ROW = {"temperature": "20", "vibration": "20", "current": "21", "load": "19", "site": "north", "state": "wear"}


def csv(*rows: dict[str, str]) -> io.BytesIO:
    lines = [",".join(rows[0])] + [",".join(row.values()) for row in rows]
    return io.BytesIO("\n".join(lines).encode())


def without(row: dict[str, str], name: str) -> dict[str, str]:
    return {key: value for key, value in row.items() if key != name}


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (ROW | {"load": "nan"}, "expected a value in every row, got none in column 'load', row 0"),
        (ROW | {"load": "inf"}, "expected finite numbers, got 'inf' in column 'load', row 0"),
        (ROW | {"load": "1e400"}, "expected finite numbers, got '1e400' in column 'load', row 0"),
        (ROW | {"load": ""}, "expected a value in every row, got none in column 'load', row 0"),
        (ROW | {"load": "much"}, "expected numbers, got 'much' in column 'load', row 0"),
        (ROW | {"state": "tired"}, "expected labels among 'fault', 'normal', 'wear', got 'tired'"),
        (without(ROW, "load"), "expected the 5 features of the model, got missing 'load'"),
        (ROW | {"age": "3"}, "extra 'age'"),
        (without(ROW, "state"), "expected a label column 'state'"),
    ],
)
def test_a_row_that_does_not_fit_is_named(row: dict[str, str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        parse_records(csv(row), SCHEMA)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "got an empty file"),
        (b"PAR1 and nothing", "expected a Parquet file, got a damaged one"),
        (b"PK\x03\x04 and nothing", "got an unreadable one"),
        (b"\xff\xfe\x00", "no CSV header"),
        (b"a,a\n1,2\n", "expected distinct column names, got 'a' more than once"),
        (b"temperature,vibration,current,load,site,state\n", "expected at least one record, got none"),
    ],
)
def test_an_unreadable_file_is_refused_with_the_reason(content: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        parse_records(io.BytesIO(content), SCHEMA)


@pytest.mark.parametrize("y", [np.array([0.0, np.nan]), np.array([0.0, np.inf])])
def test_labels_that_are_no_numbers_are_refused(y) -> None:
    with pytest.raises(DataError, match="expected finite numbers, got NaN or infinity"):
        Records(SCHEMA, np.zeros((2, 5), dtype=np.float32), y)


def test_an_array_of_another_width_is_refused() -> None:
    with pytest.raises(DataError, match=r"expected features \(n, 5\) and labels \(n,\), got \(2, 4\) and \(2,\)"):
        Records(SCHEMA, np.zeros((2, 4), dtype=np.float32), np.zeros(2))


def test_records_of_another_schema_are_refused(plant: PriceFunction) -> None:
    schema = Schema(task="regression", features=SCHEMA.features, label="state")
    with pytest.raises(DataError, match="got another schema"):
        plant.appraise(Records(schema, HELD.x, HELD.y))


def test_an_offer_of_nothing_is_refused(plant: PriceFunction) -> None:
    with pytest.raises(DataError, match="expected at least one record, got none"):
        plant.appraise(HELD.take(np.arange(0)))


def test_categories_that_the_model_does_not_know_are_priced_and_said(plant: PriceFunction) -> None:
    records = parse_records(csv(ROW | {"site": "east"}, ROW | {"site": "west", "load": "18"}, ROW), SCHEMA)
    appraisal = plant.appraise(records)
    assert appraisal.priced == 3
    assert "Column 'site' has 2 values that the model does not know." in appraisal.reasons


def test_one_record_is_priced(plant: PriceFunction) -> None:
    appraisal = plant.appraise(parse_records(csv(ROW), SCHEMA))
    assert (appraisal.records, appraisal.priced) == (1, 1)
    assert appraisal.record_values.shape == (1,)
    assert appraisal.record_values[0] != 0
    assert appraisal.reasons


def test_an_offer_of_one_class_is_priced(plant: PriceFunction) -> None:
    appraisal = plant.appraise(machines(3, wear=20))
    assert appraisal.priced == 20
    assert appraisal.set_value != 0


def test_a_table_of_one_class_makes_no_schema() -> None:
    table = parse_table(csv(ROW, ROW | {"load": "18"}))
    with pytest.raises(DataError, match="expected at least two classes, got 'wear'") as caught:
        infer([table], "state")
    assert "--class" in (caught.value.hint or "")
    assert infer([table], "state", classes=["fault"]).schema.classes == ("fault", "wear")


def test_an_owner_of_one_class_fits_and_pays_for_another() -> None:
    owner = machines(4, normal=160)
    function = fit(lambda features: np.array(["normal"] * len(features)), owner, validation=HELD, decay=2e-3)
    assert function.appraise(machines(5, wear=40)).price > 0


def test_constant_features_change_nothing_but_themselves() -> None:
    def flat(records: Records) -> Records:
        x = records.x.copy()
        x[:, 3], x[:, 4] = 7.0, 0.0
        return Records(SCHEMA, x, records.y)

    owner = flat(OWNER)
    function = fit(regression_of(owner), owner, validation=flat(HELD), decay=2e-3)
    appraisal = function.appraise(flat(machines(3, normal=15, wear=15)))
    assert function.fidelity >= 0.9
    assert np.isfinite(appraisal.record_values).all()
    assert np.isfinite(appraisal.set_value)
    assert appraisal.priced == 30


@pytest.mark.parametrize(("owned", "held"), [(1, 60), (160, 29)])
def test_too_few_records_are_refused(owned: int, held: int) -> None:
    message = f"expected at least 2 records to fit on and 30 for validation, got {owned} and {held}"
    with pytest.raises(DataError, match=message):
        fit(regression_of(OWNER), OWNER.take(range(owned)), validation=HELD.take(range(held)))


def test_a_model_that_answers_in_another_shape_is_refused() -> None:
    with pytest.raises(ModelError, match=r"expected \(n, 3\) probabilities or \(n,\) labels, got \(.*, 5\)"):
        fit(lambda features: np.full((len(features), 5), 0.2), OWNER, validation=HELD)


def test_a_model_that_answers_no_numbers_is_refused() -> None:
    with pytest.raises(ModelError, match=r"expected finite answers, got nan from the model on record 0 \("):
        fit(lambda features: np.full((len(features), 3), np.nan), OWNER, validation=HELD)


def test_a_surrogate_that_does_not_agree_prices_nothing_and_says_why() -> None:
    """A model that tosses coins cannot be followed by any surrogate."""
    rng = np.random.default_rng(0)
    function = fit(
        lambda features: rng.choice(["normal", "wear"], len(features)),
        OWNER,
        validation=HELD,
        method="forest",
        settings={"trees": 10},
        decay=2e-3,
    )
    assert function.fidelity < 0.9
    with pytest.raises(FidelityError, match="expected a surrogate that agrees with the model on at least 90%"):
        function.appraise(machines(3, wear=5))


@pytest.mark.parametrize("name", ["manifest.json", "tensors.safetensors"])
@pytest.mark.parametrize("place", [0.0, 0.3, 0.6, 0.999])
def test_one_altered_byte_is_found(plant: PriceFunction, tmp_path: Path, name: str, place: float) -> None:
    plant.save(tmp_path)
    content = bytearray((tmp_path / name).read_bytes())
    content[int(place * len(content))] ^= 1
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ArtifactError):
        PriceFunction.load(tmp_path)


def test_an_artifact_of_another_version_is_refused(plant: PriceFunction, tmp_path: Path) -> None:
    plant.save(tmp_path)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    (tmp_path / "manifest.json").write_text(json.dumps(manifest | {"version": VERSION + 1}))
    with pytest.raises(ArtifactError, match=f"expected a price function of version {VERSION}, got {VERSION + 1}"):
        PriceFunction.load(tmp_path)


NAN = torch.tensor(float("nan"), dtype=torch.float64)
ANSWERS = r"method\.alone with outputs \(120, 3\)"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("method.alone", None, ANSWERS),
        ("method.alone", lambda stored: stored[:5], ANSWERS),
        ("method.alone", lambda stored: stored * NAN, ANSWERS),
        ("method.chosen", None, r"method\.chosen with outputs"),
        ("method.solved_halves", lambda stored: stored[:1], r"a method\.solved_halves of two halves"),
        ("validation.first_half", lambda stored: stored[:5], r"a half of each validation record in"),
        ("validation.first_half", lambda stored: stored * 0.5, r"a half of each validation record in"),
        ("method.scale", NAN, r"a method\.scale in bounds"),
        ("method.scale", torch.full((), 1e6, dtype=torch.float64), r"a method\.scale in bounds"),
        ("base.y", lambda stored: 0 * stored + 7, r"base\.y of the schema's classes"),
        ("base.weight", lambda stored: -stored, "positive weights of the owner's records"),
        ("owner.salt", lambda stored: stored.long(), "a salt of 32 bytes"),
        ("capacity", '{"rounds": 60}', "a capacity of"),
        ("capacity", "[]", "a capacity of"),
        ("family", "oracle", "a family among network"),
        ("controls", (), "at least one control set"),
    ],
)
def test_what_a_stranger_hashed_is_checked_when_it_is_read(
    plant: PriceFunction, tmp_path: Path, name: str, value: Any, said: str
) -> None:
    manifest, tensors = plant.manifest, dict(plant.tensors)
    if name in manifest.settings:
        manifest = manifest.model_copy(update={"settings": manifest.settings | {name: value}})
    elif name == "controls":
        manifest = manifest.model_copy(update={name: value})
    elif value is None:
        del tensors[name]
    else:
        tensors[name] = value(tensors[name]) if callable(value) else value
    artifact.write(tmp_path / "price", *artifact.finalize(manifest, tensors))
    with pytest.raises(ArtifactError, match=f"expected {said}") as caught:
        PriceFunction.load(tmp_path / "price")
    assert caught.value.hint == "ask who made it for another"


def test_an_artifact_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"expected manifest\.json and tensors\.safetensors in"):
        PriceFunction.load(tmp_path / "nothing")
