"""Writes what the client knows of the contracts: `client/assay/abi/Settlement.json` and `ProvenOracle.json`.

`abi`, `creation_code`, and `runtime_code_hash`, the keccak256 of the code that stands on every chain it is deployed to.
`--check` compares instead of writing, and ends in 1 where a file is stale.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from ape import Project
from eth_utils.crypto import keccak

ROOT = Path(__file__).resolve().parent.parent
CONTRACTS = ("Settlement", "ProvenOracle")
FOLDER = ROOT / "client" / "assay" / "abi"


def export(contract: str) -> dict[str, Any]:
    """Compiles a contract through ape and keeps what the client needs."""
    contract_type = Project(ROOT).load_contracts()[contract]
    return {
        "contract": contract,
        "abi": [entry.model_dump(mode="json", by_alias=True, exclude_none=True) for entry in contract_type.abi],
        "creation_code": contract_type.deployment_bytecode.bytecode,
        "runtime_code_hash": "0x" + keccak(hexstr=contract_type.runtime_bytecode.bytecode).hex(),
    }


def render(exported: dict[str, Any]) -> str:
    """JSON with one entry of the ABI per line: small, and a change shows as a line."""
    entries = ",\n".join("    " + json.dumps(entry, separators=(",", ":")) for entry in exported["abi"])
    rest = [f"  {json.dumps(name)}: {json.dumps(exported[name])}" for name in ("creation_code", "runtime_code_hash")]
    lines = [f'  "contract": {json.dumps(exported["contract"])}', f'  "abi": [\n{entries}\n  ]', *rest]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare, do not write")
    arguments = parser.parse_args()

    stale = 0
    for contract in CONTRACTS:
        text, target = render(export(contract)), FOLDER / f"{contract}.json"
        if not arguments.check:
            target.write_text(text)
            print(target)
        elif not target.exists() or target.read_text() != text:
            print(f"{target} is not what the contracts compile to\nhint: python scripts/export_abi.py", file=sys.stderr)
            stale = 1
    return stale


if __name__ == "__main__":
    sys.exit(main())
