"""An oracle that is silent: who is waited for, and until when."""

import re
import threading

import httpx
import pytest

from assay.errors import OracleRefused
from assay.oracle.api import OracleClient
from tests.kit.market import ORACLE_URL
from tests.kit.problems import problem_details

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(("waits", "lines"), [(True, 1), (False, 0)])
def test_silence_is_explained_with_who_is_waited_for_and_until_when(waits: bool, lines: int) -> None:
    told: list[str] = []
    said = threading.Event()

    def report(text: str) -> None:
        told.append(text)
        said.set()

    def answer(_: httpx.Request) -> httpx.Response:
        assert not waits or said.wait(10)
        return httpx.Response(404, json=problem_details("model_unknown", "no such model", status=404))

    oracle = OracleClient(ORACLE_URL, transport=httpx.MockTransport(answer), attempts=1, report=report)
    oracle._requests.silence = 0.01 if waits else 60
    with pytest.raises(OracleRefused):
        oracle.info()
    assert len(told) == lines
    pattern = rf"no answer yet from the oracle at {ORACLE_URL}; waiting until \d\d:\d\d:\d\d at most"
    assert all(re.fullmatch(pattern, text) for text in told)
