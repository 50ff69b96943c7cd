"""``assay models``, ``model show`` and ``check``: where one can sell, what fits, and nothing is sent to find out."""

import json
from pathlib import Path
from typing import Any

import pytest

from assay.errors import OracleUnreachable
from assay.protocol.encoder import Encoder, ImageInput, TextInput
from assay.protocol.schema import Feature, Schema
from tests.kit.actors import oracle_account, rival_account, seller_account
from tests.kit.desk import Desk
from tests.kit.market import Market

pytestmark = pytest.mark.unit


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(Market(tmp_path), seller_account, monkeypatch)


def model(desk: Desk) -> str:
    return f"0x{desk.market.model_id.hex()}"


def register(desk: Desk, salt: int, budget: int = 1, oracle: str = oracle_account.address) -> str:
    terms = desk.market.terms.model_copy(update={"salt": salt.to_bytes(32, "big")})
    owner = desk.market.chain.seen_by(terms.owner)
    owner.register_model(terms, oracle)
    if budget:
        owner.fund(terms, budget)
    return f"0x{owner.model_id(terms).hex()}"


def test_models_are_listed_with_terms_in_units_and_whether_the_oracle_answers(desk: Desk) -> None:
    desk.run("names", "add", "model", "lines", model(desk))
    other, empty = register(desk, 1, oracle=rival_account.address), register(desk, 2, budget=0)
    heads, *rows = [line.split("\t") for line in desk.run("models").stdout.splitlines()]
    listed = {row[1]: dict(zip(heads, row, strict=True)) for row in rows}
    assert set(listed) == {model(desk), other}
    assert listed[model(desk)] == {
        "NAME": "lines",
        "MODEL": model(desk),
        "GOAL": "log_loss",
        "COLUMNS": "1 column, 2 classes",
        "HIGHEST PRICE": "0.1 ETH",
        "BUDGET": "1 ETH",
        "ORACLE": "answers",
        "REVEAL": "1 h",
        "DISPUTE": "1 h",
    }
    assert listed[other]["ORACLE"] == f"another: {rival_account.address}"
    assert empty in {entry["model_id"] for entry in desk.json("models", "--all")}


def test_named_models_and_those_of_the_oracle_are_listed_beyond_the_limit(desk: Desk) -> None:
    for salt in range(1, 4):
        register(desk, salt)
    assert model(desk) in {entry["model_id"] for entry in desk.json("models", "--limit", 1)}
    assert len(desk.json("models", "--limit", 1)) == 2


def test_models_are_listed_while_the_oracle_is_silent(desk: Desk) -> None:
    desk.market.transport.down = True
    (entry,) = desk.json("models")
    assert (entry["oracle_answer"], entry["budget"]) == ("no answer", str(10**18))


def test_a_model_is_shown_by_name_by_prefix_and_by_default(desk: Desk) -> None:
    desk.run("names", "add", "model", "lines", model(desk))
    shown = desk.run("model", "show", "lines").stdout
    assert "highest price\t0.1 ETH (100000000000000000 wei)" in shown
    assert "x\tnumeric\t-" in shown
    assert "y\tlabel\t0, 1" in shown
    assert "assay check FILE --model lines" in shown
    assert "largest upload\t1.05 MB" in shown
    assert "largest chunk\t4096 bytes" in shown
    assert desk.json("model", "show", "lines")["max_chunk_size"] == 4096
    for words in ((model(desk)[:10],), (model(desk),)):
        assert desk.run("model", "show", *words).stdout == shown
    (desk.home / "config.toml").write_text('model = "lines"\n')
    assert desk.run("model", "show").stdout == shown


def test_command_without_a_model_says_where_models_are_listed(desk: Desk) -> None:
    assert "Missing option '--model'. assay models lists models" in desk.run("model", "status", status=2).stderr


def test_name_is_given_by_the_first_digits_of_an_id(desk: Desk) -> None:
    assert model(desk) in desk.run("names", "add", "model", "lines", model(desk)[:10]).stdout


def test_prefix_that_several_models_share_is_refused(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [model(desk), register(desk, 1)]
    monkeypatch.setattr("assay.cli.session._beginning", lambda *_: [bytes.fromhex(found[2:]) for found in ids])
    refused = desk.run("model", "show", "0x1234", status=2)
    assert all(found in refused.stderr for found in ids)


# --- terms ------------------------------------------------------------------------------------------------------------


def test_terms_are_a_page_and_their_example_passes_the_check(desk: Desk, tmp_path: Path) -> None:
    example = tmp_path / "example.csv"
    page = desk.run("model", "terms", "--model", model(desk), "--example", example).stdout
    assert "goal\tbetter log_loss" in page
    assert "highest price\t0.1 ETH (100000000000000000 wei), for one offer" in page
    assert "x\tfeature\tnumber\tno\t-" in page
    assert "y\tlabel\tone of the values\tno\t0, 1" in page
    found = desk.json("check", example, "--model", model(desk))
    assert (found["faults"], found["warnings"]) == ([], [])
    assert "price step" in page
    terms = desk.json("model", "terms", "--model", model(desk))
    assert terms["price_grid"] == str(10**9)
    assert (terms["max_price"], terms["schema"]["label"]) == (str(10**17), "y")


def test_terms_name_the_encoders_of_texts_and_pictures(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    text = Encoder(sha256=b"\1" * 32, width=384, text=TextInput(tokenizer=b"\2" * 32), pooling="mean", normalised=True)
    image = Encoder(sha256=b"\3" * 32, width=2, image=ImageInput(height=48, width=64, mean=(1.0, 2.0, 3.0)))
    features = (
        Feature(name="review", kind="text", encoder=text),
        Feature(name="image", kind="image", encoder=image),
    )
    schema = Schema(task="classification", features=features, label="y", classes=("0", "1"))
    info = desk.market.http.model
    monkeypatch.setattr(
        type(desk.market.http), "model", lambda _, model_id: info(model_id).model_copy(update={"schema_": schema})
    )
    monkeypatch.setattr("assay.cli.commands.terms.check_model", lambda *_: None)  # the chain has another model
    page = desk.run("model", "terms", "--model", model(desk)).stdout
    for line in (
        "review\tfeature\ttext\tno\t-",
        "image\tfeature\tpicture (PNG, JPEG)\tno\t-",
        f"network\tONNX file with SHA-256 {'01' * 32}",
        "features\t384, multiples of 1/1024",
        "output\tthe first, its mean, of unit length",
        f"tokenizer\tfile with SHA-256 {'02' * 32}",
        "picture\tresized to 64 x 48 (bilinear), RGB",
        "values\t0..255 times 0.00392157, mean [1.0, 2.0, 3.0], NCHW",
    ):
        assert line in page
    refused = desk.run("model", "terms", "--model", model(desk), "--example", "x.csv", status=2)
    assert "takes pictures in column 'image'" in refused.stderr


def test_example_replaces_no_file(desk: Desk) -> None:
    own = desk.file(b"mine", "own.csv")
    refused = desk.run("model", "terms", "--model", model(desk), "--example", own, status=2)
    assert "own.csv exists" in refused.stderr
    assert own.read_bytes() == b"mine"


# --- check ------------------------------------------------------------------------------------------------------------


def checked(desk: Desk, content: bytes, status: int = 0) -> Any:
    sent = len(desk.market.transport.seen)
    found = desk.json("check", desk.file(content, "data.csv"), "--model", model(desk), status=status)
    assert all(request.method == "GET" for request in desk.market.transport.seen[sent:]), "nothing is sent"
    return found


def test_file_that_fits(desk: Desk) -> None:
    found = checked(desk, b"y,x\n0,1.5\n1,2\n")
    assert (found["records"], found["faults"], found["warnings"]) == (2, [], [])


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "expected data to seal"),
        (b"x,y\n", "expected at least one record, got none"),
        (b"x,z\n1,0\n", "missing: 'y' (the label)"),
        (b"x,y\n1,0\n1\n", "Expected 2 columns, got 1: 1, in row 1"),
        (b"\x89\xff\x00,y\n", "got none of them: the first line is no CSV header"),
        (b"x,y\n" + b"1,0\n" * 300_000, "expected an upload of at most"),
    ],
    ids=["empty", "no_records", "column", "row", "binary", "size"],
)
def test_file_that_the_oracle_would_refuse(desk: Desk, content: bytes, fault: str) -> None:
    found = checked(desk, content, status=1)
    assert any(fault in each for each in found["faults"])
    assert content or found["hints"] == ["offer a file with records"]


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"x,y\n1,0\n,1\n", "expected a value in every row, got none in column 'x', row 1"),
        (b"x,y\nabc,0\n", "expected numbers, got 'abc' in column 'x', row 0"),
        (b"x,y\n1,2\n", "expected labels among '0', '1', got '2' in column 'y', row 0"),
        (b"x;y\n1,5;0\nabc;0\n", "expected numbers, got 'abc' in column 'x', row 1"),
        ("x,y\nabc,0\n".encode("utf-16"), "expected numbers, got 'abc' in column 'x', row 0"),
        (b'{"x": "abc", "y": 0}\n', "expected numbers, got 'abc' in column 'x', row 0"),
    ],
)
def test_values_that_the_oracle_would_refuse_are_named(desk: Desk, content: bytes, fault: str) -> None:
    found = checked(desk, content, status=1)
    assert found["faults"] == [fault]


def test_rows_are_told_from_those_of_a_spreadsheet(desk: Desk) -> None:
    shown = desk.run("check", desk.file(b"x,y\nabc,0\n", "data.csv"), "--model", model(desk), status=1).stdout
    assert "rows\tcount from 0: row 0 is the first record" in shown


def test_what_is_not_paid_for_is_a_warning_and_the_columns_of_the_file_are_shown(desk: Desk) -> None:
    path = desk.file(b"x,y\n1,0\n1,0\n2.5,1\n", "data.csv")
    shown = desk.run("check", path, "--model", model(desk)).stdout
    assert "1 of 3 records repeat" in shown
    assert "x\tfeature\tnumeric\t1 to 2.5\t0" in shown


def test_unreachable_oracle_is_one_line(desk: Desk) -> None:
    desk.market.transport.down = True
    said = desk.run("check", desk.file(b"x,y\n", "data.csv"), "--model", model(desk), "--json", status=1)
    assert json.loads(said.stdout)["error"]["code"] == OracleUnreachable("").code
