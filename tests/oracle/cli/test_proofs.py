"""Proofs of prices, as an operator, an owner and a seller type them."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result

from assay.protocol.proof.proven import ProvenPrice
from assay.protocol.structs import Quote
from assay_oracle.cli.main import main
from tests.kit.black_boxes import WEIGHTS, linear_onnx

pytestmark = pytest.mark.integration

CONTRACT, SELLER = "0x" + "11" * 20, "0x" + "22" * 20
CLASSES = ("high", "low", "mid")


def run(*arguments: object) -> Result:
    return CliRunner(mix_stderr=False).invoke(main, [str(argument) for argument in arguments])


def told(*arguments: object) -> str:
    result = run(*arguments)
    assert result.exit_code == 0, result.stderr
    return result.stdout


def write(path: Path, seed: int, n: int) -> Path:
    x = np.random.default_rng(seed).normal(0, 2, (n, 2)).round(3)
    y = np.array(CLASSES)[(x @ WEIGHTS).argmax(1)]
    pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "y": y}).to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An owner's price function of sums, its keys for proofs, and an offer."""
    folder = tmp_path_factory.mktemp("desk")
    (folder / "linear.onnx").write_bytes(linear_onnx())
    records = ["--data", write(folder / "train.csv", 1, 60), "--validation", write(folder / "held.csv", 2, 120)]
    write(folder / "offer.csv", 3, 40)
    settings = ["--method", "ridge", "--setting", "features=16", "--grid", "1gwei"]
    told("fit", "--model", folder / "linear.onnx", *records, *settings, "--out", folder / "price")
    options = ["--max-price", "1ether", "--development"]
    assert "commitment" in told("proof", "setup", folder / "price", "--out", folder / "proofs", *options)
    return folder


def make(desk: Path, price: int, out: Path) -> Result:
    quote = Quote(
        model_id=bytes([1]) * 32,
        content_id=bytes([2]) * 32,
        seller=SELLER,
        data_root=bytes([3]) * 32,
        price=price,
        expiry=2_000_000_000,
        evaluation=bytes(32),
    )
    (out.parent / "quote.json").write_text(quote.model_dump_json())
    where = ["--quote", out.parent / "quote.json", "--chain-id", 31337, "--contract", CONTRACT, "--out", out]
    return run("proof", "make", desk / "price", "--proofs", desk / "proofs", "--data", desk / "offer.csv", *where)


def test_the_price_of_an_appraisal_is_proven_and_another_one_is_not(desk: Path, tmp_path: Path) -> None:
    price = int(json.loads(told("appraise", desk / "price", desk / "offer.csv", "--json"))["price"])
    assert price > 0
    refused = make(desk, price + 10**9, tmp_path / "no.json")
    assert refused.exit_code == 1
    assert f"expected a quote at the price of these records alone, {price}" in refused.stderr
    result = make(desk, price, tmp_path / "proof.json")
    assert result.exit_code == 0, result.stderr
    proven = ProvenPrice.model_validate_json((tmp_path / "proof.json").read_bytes())
    assert (proven.statement.price, proven.statement.records) == (price, 40)
    assert proven.statement.seller == SELLER


def test_a_contract_is_made_for_any_wallet_to_send(desk: Path, tmp_path: Path) -> None:
    parties = ["--operator", SELLER, "--settlement", CONTRACT, "--model", "0x" + "01" * 32]
    told("proof", "contract", desk / "proofs", *parties, "--out", tmp_path / "oracle.hex")
    code = bytes.fromhex((tmp_path / "oracle.hex").read_text().strip().removeprefix("0x"))
    assert len(code) < 49_152, "the most that a transaction may create a contract from (EIP-3860)"


def test_keys_are_not_replaced_and_a_choice_of_set_up_is_asked_for(desk: Path, tmp_path: Path) -> None:
    setup = ["proof", "setup", desk / "price", "--max-price", "1ether"]
    assert "expected a folder without keys" in run(*setup, "--out", desk / "proofs", "--development").stderr
    assert "expected one of --development and --ceremony" in run(*setup, "--out", tmp_path / "new").stderr


def test_a_file_of_a_ceremony_that_was_cut_short_is_refused(desk: Path, tmp_path: Path) -> None:
    """The program that reads it would wait for the rest for ever."""
    told("proof", "circuit", desk / "price", tmp_path / "circuit.r1cs")
    powers = tmp_path / "powers.ptau"
    section = (1).to_bytes(4, "little") + (100).to_bytes(8, "little")
    powers.write_bytes(b"ptau" + (1).to_bytes(4, "little") + (1).to_bytes(4, "little") + section + bytes(50))
    begun = run("proof", "begin", tmp_path / "circuit.r1cs", powers, tmp_path / "0.zkey")
    assert "expected 124 bytes" in begun.stderr
    assert "it was cut short" in begun.stderr
    foreign = run("proof", "contribute", powers, tmp_path / "1.zkey", "--name", "owner")
    assert "expected a file of the format zkey" in foreign.stderr
