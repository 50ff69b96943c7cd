"""One offer has one price: in another process, with another number of threads, after the function was saved."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from threadpoolctl import threadpool_limits

from tests.pricing.prices import of_fits

pytestmark = pytest.mark.integration
THREADS = 4


def in_another_process(artifact: Path) -> dict:
    environment = os.environ | {
        name: str(THREADS) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.pricing.prices", str(artifact), str(THREADS)],
        capture_output=True,
        text=True,
        env=environment,
        cwd=Path(__file__).parents[3],
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_prices_are_the_same_to_the_integer_in_any_process_with_any_threads(function, olga, tmp_path: Path) -> None:
    """Here one thread computes, there four; what there is loaded from the disk, here was fitted."""
    function.save(tmp_path)
    there = in_another_process(tmp_path)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            here = {name: str(function.appraise(offer).price) for name, offer in olga.offers.items()} | of_fits()
    finally:
        torch.set_num_threads(threads)
    assert there["threads"] == THREADS
    assert there["prices"] == here
    assert int(here["useful"]) > 0
