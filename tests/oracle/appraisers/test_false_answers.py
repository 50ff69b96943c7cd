"""A pricing process that a stranger's file took over: what the daemon believes of its answers."""

import hashlib
import io
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from assay_oracle.appraisers.process import PricingProcess
from assay_oracle.appraisers.remote import ProcessSession
from assay_oracle.errors import DataRefused, PricingCutShort
from assay_oracle.settings import environment_without_settings

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[3]
HASH = hashlib.sha256(b"one").hexdigest()
START = [{"kind": "ready"}, {"kind": "loaded"}]
OPENED = {"kind": "opened", "blob": HASH}
APPRAISED = {"kind": "appraisal", "price": "7", "records": 1, "priced": 1, "fidelity": 0.97, "reasons": ["counted"]}
TALKS = """
import json, sys
from assay_oracle.appraisers.wire import _HEAD
for head in json.loads(sys.argv[1]):
    blob = bytes.fromhex(head.pop("blob", "")) if isinstance(head, dict) else b""
    text = head.encode() if isinstance(head, str) else json.dumps(head).encode()
    sys.stdout.buffer.write(_HEAD.pack(len(text), len(blob)) + text + blob)
sys.stdout.flush()
sys.stdin.buffer.read()
"""


@contextmanager
def process_that_says(*answers: Any, loaded: bool = True) -> Iterator[ProcessSession]:
    """A process that is ready, has loaded, and then says ``answers`` to anything; text is sent as it is."""
    environment = environment_without_settings() | {"PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    process = PricingProcess([sys.executable, "-c", TALKS, json.dumps([*START[: 1 + loaded], *answers])], environment)
    process.admit("anywhere")
    try:
        yield ProcessSession(bytes(32), "anywhere", process)
    finally:
        process.close()
        process._end()


def price(appraiser: ProcessSession) -> Any:
    opened = appraiser.open(io.BytesIO(b"one\n"), seconds=30)
    return opened.appraise(known=frozenset(), own=[], sold=[])


@pytest.mark.parametrize(
    "answers",
    [
        [{"kind": "opened", "blob": HASH[:-2]}],
        [{"kind": "opened"}],
        [{"kind": "opened", "blob": HASH * 2}],
        [{"kind": "appraisal", "blob": HASH}],
        ['{"kind": "opened", "deep": ' + "[" * 100_000],
        [OPENED, APPRAISED | {"price": "-1"}],
        [OPENED, APPRAISED | {"price": "9" * 5000}],
        [OPENED, APPRAISED | {"price": None}],
        [OPENED, APPRAISED | {"records": 2**70}],
        [OPENED, APPRAISED | {"priced": -1}],
        [OPENED, json.dumps(APPRAISED | {"fidelity": float("nan")})],
        [OPENED, APPRAISED | {"reasons": {"a": 1}}],
        [OPENED, {"kind": "appraisal"}],
        [OPENED, {"kind": "need", "offer": "00"}],
        [OPENED, OPENED],
    ],
)
def test_answer_that_is_not_of_the_protocol_ends_the_process(answers: list[Any]) -> None:
    with process_that_says(*answers) as appraiser:
        with pytest.raises(PricingCutShort) as cut:
            price(appraiser)
        assert cut.value.code == "pricing_failed"
        assert appraiser.process._running is None


def test_answer_of_the_protocol_is_believed_within_bounds() -> None:
    reasons = ["a lone surrogate \ud800", "x" * 10_000, *["y"] * 1000]
    with process_that_says(OPENED, APPRAISED | {"reasons": reasons, "blob": "7b7d"}) as appraiser:
        found = price(appraiser)
    assert (found.price, found.records, found.digest) == (7, 1, hashlib.sha256(b"{}").digest())
    assert found.reasons[0] == "a lone surrogate \\ud800"
    assert (len(found.reasons), max(map(len, found.reasons))) == (256, 2000)


def test_process_that_does_not_start_is_no_fault_of_the_data() -> None:
    process = PricingProcess([sys.executable, "-c", "raise SystemExit(3)"], environment_without_settings())
    with pytest.raises(OSError, match="it ended with status 3"):
        price(ProcessSession(bytes(32), "anywhere", process))


@pytest.mark.parametrize("refusal", [{}, {"code": "../../x", "message": "\udfff", "hint": ["a"]}])
def test_refusal_is_text_that_can_be_stored_and_sent(refusal: dict[str, Any]) -> None:
    with process_that_says({"kind": "refused", **refusal}) as appraiser, pytest.raises(DataRefused) as refused:
        price(appraiser)
    assert refused.value.code == "data_error"
    assert refused.value.message.encode()


@pytest.mark.parametrize("answer", [OPENED, {"kind": "unable", "message": "no such artifact"}])
def test_a_price_function_that_is_not_loaded_is_no_fault_of_the_data(answer: Any) -> None:
    with process_that_says(answer, loaded=False) as appraiser, pytest.raises(OSError, match="load"):
        price(appraiser)
