"""The two small contracts, compiled: ``python -m assay_bench.comparison.market.contracts SOLC`` compiles them anew."""

import json
import subprocess
import sys
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

NAMES = ("ArbiterEscrow", "StakeMarket")
_FOLDER = Path(__file__).parent
_COMPILED = "contracts.json"


@cache
def interfaces() -> dict[str, dict[str, Any]]:
    """``abi`` and ``creation_code`` of each contract."""
    found: dict[str, dict[str, Any]] = json.loads(files(__package__).joinpath(_COMPILED).read_text())
    return found


def compiled(solc: str) -> dict[str, dict[str, Any]]:
    """The same from the sources beside this module, by the compiler at ``solc``."""
    output = {"*": {"*": ["abi", "evm.bytecode.object"]}}
    asked = {
        "language": "Solidity",
        "sources": {f"{name}.sol": {"content": (_FOLDER / f"{name}.sol").read_text()} for name in NAMES},
        "settings": {
            "evmVersion": "shanghai",
            "metadata": {"appendCBOR": False, "bytecodeHash": "none"},
            "optimizer": {"enabled": True, "runs": 100},
            "outputSelection": output,
        },
    }
    done = subprocess.run(  # noqa: S603
        [solc, "--standard-json"], input=json.dumps(asked), capture_output=True, text=True, check=True
    )
    answer = json.loads(done.stdout)
    faults = [error["formattedMessage"] for error in answer.get("errors", []) if error["severity"] == "error"]
    assert not faults, "\n".join(faults)
    return {
        name: {
            "abi": answer["contracts"][f"{name}.sol"][name]["abi"],
            "creation_code": "0x" + answer["contracts"][f"{name}.sol"][name]["evm"]["bytecode"]["object"],
        }
        for name in NAMES
    }


if __name__ == "__main__":
    (_FOLDER / _COMPILED).write_text(json.dumps(compiled(sys.argv[1])) + "\n")
