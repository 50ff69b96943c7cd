"""A proven price: seconds to commit, prove and verify, and gas and bytes of the contract that verifies, on Anvil."""

import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from eth_abi.abi import encode
from eth_account import Account
from eth_utils.abi import function_abi_to_4byte_selector
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak
from pydantic import BaseModel, ConfigDict

from assay.chain.proven import creation_code, proven_interface
from assay.protocol.proof.commitment import committed
from assay.protocol.proof.curve import ORDER, from_bytes, to_bytes
from assay.protocol.proof.evidence import quote_evidence
from assay.protocol.proof.key import Sizes, VerificationKey
from assay.protocol.proof.money import MoneyTerms
from assay.protocol.proof.proven import statistics_numbers
from assay.protocol.proof.statement import Statement
from assay.protocol.proof.verification import holds
from assay.protocol.statements import Domain, digest
from assay.protocol.structs import Quote
from assay_bench.errors import BenchError
from assay_bench.measure import processor_seconds
from assay_pricing.blind.form import Integers, SecretForm
from assay_pricing.blind.shape import Shape
from assay_pricing.proof.circuit import Inputs, built, model_numbers
from assay_pricing.proof.prover import proven, set_up

_WEIGHT_BITS, _SUM_BITS, _ROW_BITS = 17, 32, 20
_MAGIC = "1626ba7e"
_GAS = 1_000_000
_PATIENCE = 600.0


class ProofFigures(BaseModel):
    """Figures of proofs of one size.

    Attributes:
        features: d.
        outputs: k.
        constraints: Of the circuit.
        seconds: From statistics to a proof: constraints, witness, start of the prover, its key, the proof.
        processor_seconds: The same, of all processes together.
        commit_seconds: To commit to statistics, as a seller does.
        verify_seconds: To verify the proof in Python.
        bytes: Of a proof.
        key_bytes: Of the verification key, which a verifier fetches once.
        gas: Of a transaction that verifies a quote and does nothing else.
        verifier_bytes: Code of the contract, with its constants.
    """

    model_config = ConfigDict(frozen=True)

    features: int
    outputs: int
    constraints: int
    seconds: float
    processor_seconds: float
    commit_seconds: float
    verify_seconds: float
    bytes: int
    key_bytes: int
    gas: int
    verifier_bytes: int


def measured(features: int, outputs: int) -> ProofFigures:
    """Proves a price of random integers, of the size that a fit makes them, and verifies it twice.

    Raises:
        BenchError: A proof does not hold, or Anvil is missing.
    """
    form, sums = _drawn(features, outputs)
    sizes = Sizes(features, outputs, form.shape.price_bits)
    doubled = form.doubled_price(*sums)
    money = MoneyTerms(
        scale=doubled.bit_length(), unit=1, divisor=1, rate=10**18, cap=10**18, grid=10**12, floor=0, max_price=10**18
    )
    with tempfile.TemporaryDirectory() as folder, _anvil() as node:
        proving = Path(folder) / "key"
        key = set_up(sizes, proving)
        salt, model = secrets.randbelow(ORDER), model_numbers(form)
        quote = _quote(money.price(doubled, 100))
        account = Account.create()
        (sender, *_) = node("eth_accounts")
        domain = Domain(chain_id=int(node("eth_chainId"), 16), contract="0x" + "11" * 20)

        start = time.perf_counter()
        numbers = statistics_numbers(sums[0].tolist(), sums[1].tolist())
        statistics = committed([*numbers, doubled], salt, key.statistics)
        commit_seconds = time.perf_counter() - start
        statement = _statement(domain, key, quote, money, committed(model, salt, key.model), statistics)
        before, start = processor_seconds(), time.perf_counter()
        proof = proven(sizes, Inputs(statement.numbers, numbers, doubled, salt, model, salt), proving)
        seconds, used = time.perf_counter() - start, processor_seconds() - before
        start = time.perf_counter()
        if not holds(key, statement, proof):
            raise BenchError("expected a proof that holds, got another")
        verify_seconds = time.perf_counter() - start

        signature = bytes(account.unsafe_sign_hash(digest(domain.quote(quote))).signature)
        evidence = quote_evidence(quote, statement, proof, signature)
        code = creation_code(
            account.address, domain.contract, quote.model_id, key, from_bytes(statement.model), money.rule()
        )
        receipt = _sent(node, {"from": sender, "data": "0x" + code.hex()})
        contract = receipt["contractAddress"]
        call = {"from": sender, "to": contract, "data": "0x" + _call(digest(domain.quote(quote)), evidence).hex()}
        if not node("eth_call", call, "latest").startswith("0x" + _MAGIC):
            raise BenchError("expected a contract that accepts the proof, it does not")
        constants = node("eth_getCode", _created_by(contract), "latest")
        verifier = node("eth_getCode", contract, "latest")
        return ProofFigures(
            features=features,
            outputs=outputs,
            constraints=len(built(sizes).constraints),
            seconds=seconds,
            processor_seconds=used,
            commit_seconds=commit_seconds,
            verify_seconds=verify_seconds,
            bytes=len(proof),
            key_bytes=len(key.to_bytes()),
            gas=int(_sent(node, call)["gasUsed"], 16),
            verifier_bytes=(len(verifier) + len(constants)) // 2 - 2,
        )


def _drawn(d: int, k: int) -> tuple[SecretForm, tuple[Integers, Integers]]:
    """Integers of an owner and of a set whose doubled price is above 0."""
    draw = np.random.default_rng(0)
    half = draw.integers(-(2**9), 2**9, (d, d))
    weights = draw.integers(-(2**13), 2**13, (d, k))
    linear = draw.integers(-(2**40), 2**40, (d, k))
    upper = np.triu(draw.integers(-(2**14), 2**14, (d, d)))
    sums = upper + np.triu(upper, 1).T, draw.integers(-(2**30), 2**30, (d, k))

    def form(bits: int, sign: int) -> SecretForm:
        shape = Shape(d, k, _SUM_BITS, _ROW_BITS, _WEIGHT_BITS, bits)
        return SecretForm(shape, weights, sign * linear, sign * (half + half.T))

    bits = form(205, 1).bound().bit_length()
    found = form(bits, 1)
    return (found if found.doubled_price(*sums) > 0 else form(bits, -1)), sums


def _quote(price: int) -> Quote:
    word = bytes([1]) * 32
    return Quote(
        model_id=word,
        content_id=word,
        seller="0x" + "22" * 20,
        data_root=word,
        price=price,
        expiry=2**39,
        evaluation=word,
    )


def _statement(
    domain: Domain,
    key: VerificationKey,
    quote: Quote,
    money: MoneyTerms,
    model: tuple[int, int],
    statistics: tuple[int, int],
) -> Statement:
    least, most = money.enclosing(quote.price, 100, key.sizes.price_bits)
    return Statement(
        chain_id=domain.chain_id,
        contract=domain.contract,
        key=key.digest,
        model=to_bytes(model),
        model_id=quote.model_id,
        content_id=quote.content_id,
        seller=quote.seller,
        data_root=quote.data_root,
        price=quote.price,
        records=100,
        statistics=to_bytes(statistics),
        least=least,
        most=most,
    )


def _call(message: bytes, evidence: bytes) -> bytes:
    entry = next(entry for entry in proven_interface()["abi"] if entry.get("name") == "isValidSignature")
    return function_abi_to_4byte_selector(entry) + encode(["bytes32", "bytes"], [message, evidence])


def _created_by(contract: str) -> str:
    """The first contract that a contract created (EIP-161: numbers of contracts begin with 1)."""
    return to_checksum_address(keccak(b"\xd6\x94" + bytes.fromhex(contract[2:]) + b"\x01")[12:])


def _sent(node: Callable[..., Any], transaction: dict[str, Any]) -> dict[str, Any]:
    """The receipt of a transaction of one of Anvil's own accounts."""
    sent = node("eth_sendTransaction", transaction | {"gas": hex(10 * _GAS if "to" not in transaction else _GAS)})
    receipt: dict[str, Any] = node("eth_getTransactionReceipt", sent)
    if receipt["status"] != "0x1":
        raise BenchError("expected a transaction that succeeds, it failed")
    return receipt


@contextmanager
def _anvil() -> Iterator[Callable[..., Any]]:
    """A chain of its own; what calls its JSON-RPC."""
    program = shutil.which("anvil")
    if program is None:
        raise BenchError("expected anvil on PATH, found none", hint="make setup, then source .build/env")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    command = [program, "--silent", "--hardfork", "prague", "--port", str(port)]
    running = subprocess.Popen(command)  # noqa: S603

    def call(method: str, *parameters: object) -> Any:
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}
        answer = httpx.post(url, json=body, timeout=_PATIENCE, trust_env=False).json()
        if "error" in answer:
            raise BenchError(f"{method}: {answer['error']}")
        return answer["result"]

    try:
        end = time.monotonic() + _PATIENCE
        while True:
            try:
                call("eth_chainId")
                break
            except httpx.TransportError:
                if time.monotonic() > end or running.poll() is not None:
                    raise BenchError("expected anvil to start, it did not") from None
                time.sleep(0.1)
        yield call
    finally:
        running.kill()
        running.wait()
