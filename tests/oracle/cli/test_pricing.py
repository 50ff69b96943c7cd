"""The model owner's commands, as she types them."""

import json
import re
import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result

from assay.amounts import amount_text
from assay_oracle.cli.main import main
from tests.kit.black_boxes import WEIGHTS, Handler, linear_onnx

pytestmark = pytest.mark.integration
CLASSES = ("high", "low", "mid")  # as the schema orders them
MODEL = f"""
import numpy as np
from sklearn.neighbors import KNeighborsClassifier

def predict(features):
    return features @ np.array({WEIGHTS.tolist()})

def turned(features):
    return predict(features)[:, [1, 2, 0]]

def loud(features):
    print("predicting")
    if (features[:, 0] > 4).any():
        raise ValueError("a is too large")
    return predict(features)

def value(features):
    return 1000 * features.sum(1)

def train(features, labels):
    assert features.shape == (len(labels), 2) and set(labels) <= set(("high", "low", "mid"))
    model = KNeighborsClassifier(5).fit(features, labels)
    return model.predict

def failing(features, labels):
    raise ValueError("no labels like these")

def broken():
    raise RuntimeError("no licence")

def leaving():
    raise SystemExit(4)
"""
FORMATS = ("parquet", "csv", "npz")


def run(*arguments: object) -> Result:
    return CliRunner(mix_stderr=False).invoke(main, [str(argument) for argument in arguments])


def told(*arguments: object) -> dict:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def refused(*arguments: object) -> str:
    """What a command that must fail says: one error on stderr, the same as JSON, and no traceback."""
    result = run(*arguments, "--json")
    assert result.exit_code in (1, 2)
    assert isinstance(result.exception, SystemExit)
    assert "Traceback" not in result.stderr
    message = json.loads(result.stdout)["error"]["message"]
    assert f"error: {message}" in result.stderr
    return message


def write(path: Path, seed: int, n: int) -> Path:
    """Records of the model's own two features, labelled as it would."""
    x = np.random.default_rng(seed).normal(0, 2, (n, 2)).round(3)
    y = np.array(CLASSES)[(x @ WEIGHTS).argmax(1)]
    table = pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "y": y})
    if path.suffix == ".parquet":
        table.to_parquet(path)
    elif path.suffix == ".csv":
        table.to_csv(path, index=False)
    else:
        np.savez(path, a=x[:, 0], b=x[:, 1], y=y)
    return path


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The owner's folder: her model, her records, an offer, each in every format."""
    folder = tmp_path_factory.mktemp("desk")
    (folder / "linear_plant.py").write_text(MODEL)
    (folder / "linear.onnx").write_bytes(linear_onnx())
    for form in FORMATS:
        write(folder / f"train.{form}", 1, 240)
        write(folder / f"held.{form}", 2, 120)
        write(folder / f"offer.{form}", 3, 40)
    return folder


@pytest.fixture(autouse=True)
def at_the_desk(desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(desk)


@pytest.fixture(scope="module")
def price(desk: Path) -> Path:
    """A price function, fitted at the command line."""
    folder = desk / "price"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(desk)
        fitted = told(*fit("parquet"), "--out", folder)
    assert fitted["fidelity"] >= 0.9
    return folder


@pytest.fixture
def address() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def fit(form: str, model: str = "linear_plant:predict") -> list[object]:
    records = ["--data", f"train.{form}", "--validation", f"held.{form}", "--decay", "2e-3"]
    return ["fit", "--model", model, *records, "--method", "forest", "--setting", "trees=50"]


@pytest.mark.parametrize("form", ["csv", "npz"])
def test_the_format_of_a_file_changes_no_price(price: Path, form: str, tmp_path: Path) -> None:
    fitted = told(*fit(form), "--out", tmp_path)
    assert fitted["function_hash"] == told("inspect", price)["hash"]
    assert told("appraise", tmp_path, f"offer.{form}") == told("appraise", price, "offer.parquet")


def test_a_cluster_changes_no_price(price: Path) -> None:
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(n_workers=1, processes=False, threads_per_worker=2, dashboard_address=None) as local:
        shared = told("appraise", price, "offer.csv", "--scheduler", local.scheduler_address)
    assert shared == told("appraise", price, "offer.csv")
    assert "got none" in refused("appraise", price, "offer.csv", "--scheduler", "nowhere://x")


def test_appraise_says_price_gain_and_why(price: Path) -> None:
    appraisal = told("appraise", price, "offer.csv")
    assert appraisal["price"].isdigit()
    assert (appraisal["records"], len(appraisal["points"]), len(appraisal["verdicts"])) == (40, 40, 40)
    assert appraisal["function_hash"] == told("inspect", price)["hash"]
    said = run("appraise", price, "offer.csv").stdout
    assert f"price\t{amount_text(int(appraisal['price']))}\n" in said
    assert all(f"because\t{reason}\n" in said for reason in appraisal["reasons"])


def test_amounts_offline_are_in_the_unit_of_the_token_that_the_owner_names(price: Path) -> None:
    said = run("inspect", price, "--token", "USDC:6").stdout
    assert " USDC (" in said
    assert not {"ETH", "wei"} & set(said.split())
    assert run("inspect", price, "--token", "USDC").exit_code == 2


def test_an_offer_of_the_owners_records_is_nothing_new(price: Path) -> None:
    appraisal = told("appraise", price, "train.npz")
    assert (appraisal["price"], appraisal["priced"], set(appraisal["verdicts"])) == ("0", 0, {"owned"})


def test_inspect_says_in_numbers_what_is_carried(price: Path) -> None:
    manifest = told("inspect", price)
    carried = manifest["carried"]
    assert (carried["owner_records"], carried["validation_records"]) == (240, 120)
    assert manifest["fidelity"] <= carried["copy_fidelity"] <= 1
    said = run("inspect", price).stdout
    assert f"best copy\tagrees with the model on {carried['copy_fidelity']:.1%}" in said
    for leak in manifest["leaks"]:
        assert f"{leak['tensor']}\t{leak['bytes']}\t{leak['owner_records']}\t{leak['validation_records']}\t" in said


def test_the_owners_terms_are_in_the_price(price: Path, tmp_path: Path) -> None:
    terms = ["--rate", "1gwei", "--cap", "500", "--grid", "7", "--metric", "accuracy", "--pricing", "binary"]
    told(*fit("csv")[:-4], "--out", tmp_path, *terms)
    rule = told("inspect", tmp_path)["rule"]
    assert told("inspect", tmp_path)["method"] == "retraining"
    assert (rule["kind"], int(rule["rate"]), int(rule["cap"]), int(rule["grid"])) == ("binary", 10**9, 500, 7)
    assert told("inspect", tmp_path)["metric"] == "accuracy"
    cut = int(told("appraise", tmp_path, "offer.csv")["price"])
    assert cut <= 500
    assert cut % 7 == 0


def test_the_report_is_one_page(price: Path, tmp_path: Path) -> None:
    appraisal = told("appraise", price, "offer.parquet", "--report", tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>")
    assert appraisal["data_hash"] in page


def test_export_writes_the_price_of_ridge_in_integers(tmp_path: Path) -> None:
    price, out = tmp_path / "price", tmp_path / "form.json"
    told(*fit("csv", "linear.onnx")[:-4], "--method", "ridge", "--setting", "features=32", "--out", price)
    said = told("export", price, "--out", out)
    form = json.loads(out.read_text())
    assert (form["format"], form["version"]) == ("assay/price-of-sums", 2)
    assert said["rank_agreement"] == form["rank_agreement"] / 10**6
    assert said["features"] == len(form["weights"])


def test_a_price_function_without_a_price_in_integers_is_not_exported(price: Path, tmp_path: Path) -> None:
    said = refused("export", price, "--out", tmp_path / "form.json")
    assert "expected a price function of the method ridge" in said


def test_a_model_behind_a_url_is_the_same_model(address: str, tmp_path: Path) -> None:
    told(*fit("csv", f"{address}/probabilities"), "--out", tmp_path)
    assert told("inspect", tmp_path)["fidelity"] >= 0.9


def test_a_model_in_an_onnx_file_is_the_same_model(tmp_path: Path) -> None:
    told(*fit("csv", "linear.onnx"), "--out", tmp_path)
    manifest = told("inspect", tmp_path)
    assert manifest["fidelity"] >= 0.9
    assert manifest["settings"]["trees"] == 50


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--model", "nowhere:predict"], "expected a module 'nowhere'"),
        (["--model", "linear_plant:nothing"], "expected 'nothing' in module 'linear_plant'"),
        (["--model", "predict"], "expected MODULE:NAME, got 'predict'"),
        (["--model", "m2.joblib"], "expected MODULE:NAME, a URL or an ONNX file, got the file 'm2.joblib'"),
        (["--model", "linear_plant.py:predict"], "expected MODULE:NAME, got the file 'linear_plant.py:predict'"),
        (["--model", "nowhere.onnx"], "expected an ONNX model in nowhere.onnx, there is no such file"),
        (["--model", "linear_plant:leaving"], "linear_plant:leaving failed to make a model: SystemExit: 4"),
        (["--model", "linear_plant:turned"], "read as low, mid, high with 100.0%"),
        (["--model", "linear_plant:loud"], "(a=4."),
        (["--rate", "1", "--budget", "2"], "expected --rate or --budget, got both"),
        (["--model", "linear_plant:value", "--task", "regression"], "expected numbers, got 'low' in column 'y'"),
        (["--method", "alchemy"], "expected a method among"),
        (["--metric", "beauty"], "expected a metric"),
        (["--label", "z"], "expected a label column 'z'"),
        (["--worst-group", "z"], "expected the label or a feature to group by, got 'z'"),
        (["--setting", "trees=many"], "expected the setting trees of forest"),
        (["--model", "linear_plant:broken"], "linear_plant:broken failed to make a model: RuntimeError: no licence"),
        (["--model", "http://localhost:abc/"], "expected an answer from http://localhost:abc/, got: Invalid port"),
        (["--grid", "0"], "--grid: Input should be greater than or equal to 1"),
        (["--decay", "nan"], "expected a number for --decay"),
    ],
)
def test_a_fit_that_cannot_be_says_why(arguments: list[str], said: str, tmp_path: Path) -> None:
    assert said in refused(*fit("csv"), "--out", tmp_path, *arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--model", "m2.joblib"],
        ["--model", "nowhere:predict"],
        ["--metric", "beauty"],
        ["--rate", "1", "--budget", "2"],
    ],
)
def test_what_is_wrong_in_a_command_is_said_before_the_data_are_read(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assay_oracle.cli.pricing._table", lambda path: pytest.fail(f"{path} was read"))
    refused(*fit("csv"), "--out", tmp_path / "new", *arguments)


def test_the_order_of_the_outputs_can_be_stated(tmp_path: Path) -> None:
    command = [*fit("csv", "linear_plant:turned")[:-4], "--method", "knn"]
    result = run(*command, "--out", tmp_path / "no")
    assert "hint: state the model's own order, for example --classes low,mid,high" in result.stderr
    fitted = run(*command, "--out", tmp_path / "yes", "--classes", "low,mid,high")
    for said in ("the model gives 100.0% of the owner's labels", "3 classes (the labels are text)", "Cohen's kappa"):
        assert said in fitted.stderr


def test_a_rate_is_never_guessed_for_a_regression_and_follows_from_a_budget(desk: Path, tmp_path: Path) -> None:
    for name, seed, n in (("number", 4, 120), ("held", 5, 60)):
        x = np.random.default_rng(seed).normal(0, 2, (n, 2))
        noise = np.random.default_rng(seed + 9).normal(0, 300, n)
        frame = pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "y": 1000 * x.sum(1) + noise})
        frame.to_csv(tmp_path / f"{name}.csv", index=False)
    records = ["--data", tmp_path / "number.csv", "--validation", tmp_path / "held.csv", "--decay", "2e-3"]
    command = ["fit", "--model", "linear_plant:value", *records, "--method", "knn", "--out", tmp_path / "price"]
    result = run(*command)
    assert result.exit_code == 2
    assert "expected --rate or --budget: the unit of the gain is that of the squared labels" in result.stderr
    assert "hint: --budget 1eth would set --rate " in result.stderr
    result = run(*command, "--budget", "5eth")
    assert "the owner's own records again: 0 ETH" in result.stderr
    assert re.search(r"24 more records of the owner's kind: about 0(\.[0-9]+)? ETH \(gain [0-9.e+]+\)", result.stderr)
    assert re.search(r"data that leaves no risk: [0-9.]+ ETH, cut to the cap of 5 ETH", result.stderr)
    assert int(told("inspect", tmp_path / "price")["rule"]["cap"]) == 5 * 10**18


def test_a_missing_label_column_names_the_option_that_names_it(tmp_path: Path) -> None:
    result = run(*fit("csv"), "--out", tmp_path, "--label", "z")
    assert "hint: name the column that holds the labels (assay-oracle fit --label)" in result.stderr


def test_an_offer_that_does_not_fit_says_why(price: Path, tmp_path: Path) -> None:
    offer = tmp_path / "offer.csv"
    offer.write_text("a,y\n1,low\n")
    assert "expected the 2 features of the model, got missing 'b'" in refused("appraise", price, offer)
    offer.write_text("a,b,y\n1,inf,low\n")
    assert "expected finite numbers, got 'inf' in column 'b', row 0" in refused("appraise", price, offer)


def test_a_folder_without_a_price_function_says_so(tmp_path: Path) -> None:
    assert "expected manifest.json and tensors.safetensors" in refused("inspect", tmp_path)
    assert "expected manifest.json and tensors.safetensors" in refused("appraise", tmp_path, "offer.csv")


@pytest.mark.parametrize(
    ("changed", "lacks", "said"),
    [
        ("owner.salt", True, "expected tensors that fit the manifest"),
        ("base.weight", True, "expected tensors that fit the manifest"),
        ("encoder.scale", False, "expected a finite encoder.scale of"),
        ("base.raw", False, "expected tensors that fit the manifest"),
    ],
)
def test_artifact_of_a_stranger_whose_tensors_do_not_fit_its_manifest_is_refused(
    price: Path, tmp_path: Path, changed: str, lacks: bool, said: str
) -> None:
    import torch

    from assay_pricing import artifact

    manifest, tensors = artifact.read(price)
    tensors = {name: tensor for name, tensor in tensors.items() if name != changed}
    others = {} if lacks else {changed: torch.zeros((3, 5), dtype=torch.float32)}
    artifact.write(tmp_path / "false", *artifact.finalize(manifest, tensors | others))
    assert said in refused("appraise", tmp_path / "false", "offer.csv")


def test_a_surrogate_that_does_not_agree_is_kept_and_refused(tmp_path: Path) -> None:
    weak = ["--method", "tree", "--setting", "leaves=2"]
    said = run(*fit("csv")[:-2], "--out", tmp_path, *weak, "--json")
    assert (said.exit_code, json.loads(said.stdout)["error"]["code"]) == (1, "fidelity_error")
    assert "error: expected a surrogate that agrees with the model on at least 90%" in said.stderr
    assert told("inspect", tmp_path)["fidelity"] < 0.9
    assert "at least 90%" in refused("appraise", tmp_path, "offer.csv")


def test_a_file_that_is_not_there_is_a_usage_error(price: Path) -> None:
    said = run("appraise", price, "nothing.csv")
    assert said.exit_code == 2
    assert "nothing.csv" in said.stderr


RETRAINED = ["fit", "--model", "linear_plant:predict", "--data", "train.csv", "--validation", "held.csv"]
RETRAINED += ["--decay", "2e-3", "--metric", "accuracy", "--setting", "family=neighbours"]
RETRAINED += ["--setting", 'capacity={"count": 5, "by": "equal", "columns": "units"}']


def test_a_training_says_what_held_out_parts_are_worth_and_inspect_shows_it(tmp_path: Path) -> None:
    result = run(*RETRAINED, "--out", tmp_path, "--train", "linear_plant:train")
    assert result.exit_code == 0, result.stderr
    assert "backtest: 10 held-out parts were priced; the retrained model said what they are worth" in result.stderr
    assert re.search(r"slope of predicted on true gain (0\.[89]|1\.[012])\d \+- ", result.stderr)
    assert told("inspect", tmp_path)["backtest"]["truth"] == "train"
    said = run("inspect", tmp_path).stdout
    assert "backtest\t10 held-out parts, truth by train\nrank\t" in said
    page = tmp_path.parent / "page.html"
    told("appraise", tmp_path, "offer.csv", "--report", page)
    assert "10 held-out parts" in page.read_text()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--train", "linear_plant:failing"), "from the training function, it raised ValueError: no labels like these"),
        (("--train", "linear_plant:trained"), "expected 'trained' in module 'linear_plant', it is not there"),
        (("--train", "linear_plant:np"), "expected a function linear_plant:np, got module"),
        (("--train", "train.py"), "expected MODULE:NAME, got the file 'train.py'"),
        (("--train-budget", "soon"), "expected a duration such as 90s, 10m or 2h, got 'soon'"),
    ],
)
def test_a_training_that_cannot_be_is_refused(options: tuple[str, ...], message: str, tmp_path: Path) -> None:
    assert message in refused(*RETRAINED, *options, "--out", tmp_path)


def test_a_training_needs_a_method_with_a_learner(tmp_path: Path) -> None:
    message = "expected a method that retrains a learner, to compare it with a trained model, got knn"
    assert message in refused(*RETRAINED[:-4], "--method", "knn", "--train", "linear_plant:train", "--out", tmp_path)
