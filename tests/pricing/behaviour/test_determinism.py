"""One offer has one price: in another process, with another number of threads, after the function was saved."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration
_PRICES = """
import json, sys
from pathlib import Path
import torch
from assay_pricing.fitting import fit
from assay_pricing.function import PriceFunction
from tests.pricing.digits import deal
from tests.pricing.machines import machines, regression_of

torch.set_num_threads(int(sys.argv[2]))
loaded = PriceFunction.load(Path(sys.argv[1]))
owner = machines(1, normal=80, wear=80)
fitted = {
    name: fit(regression_of(owner), owner, validation=machines(2, normal=60, wear=60), method=name)
    for name in ("distillation", "forest")
}
told = {name: str(loaded.appraise(offer).price) for name, offer in deal(seed=11)[2].items()}
told |= {name: str(f.appraise(machines(3, normal=15, wear=15, fault=5)).price) for name, f in fitted.items()}
told |= {f"gain of {name}": f.appraise(machines(3, wear=15)).set_value.hex() for name, f in fitted.items()}
print(json.dumps({"threads": torch.get_num_threads(), "told": told}))
"""


def run(artifact: Path, threads: int) -> dict:
    environment = os.environ | {
        name: str(threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    }
    done = subprocess.run(
        [sys.executable, "-c", _PRICES, str(artifact), str(threads)],
        capture_output=True,
        text=True,
        env=environment,
        cwd=Path(__file__).parents[3],
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_prices_are_the_same_to_the_integer_in_any_process_with_any_threads(function, olga, tmp_path: Path) -> None:
    function.save(tmp_path)
    runs = {threads: run(tmp_path, threads) for threads in (1, 4)}
    here = {name: str(function.appraise(offer).price) for name, offer in olga.offers.items()}
    assert runs[4]["threads"] == 4
    assert runs[1]["told"] == runs[4]["told"]
    assert {name: runs[1]["told"][name] for name in here} == here
    assert int(here["useful"]) > 0
