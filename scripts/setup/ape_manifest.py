"""Gives ape what forge compiled, `.build/__local__.json`: nothing is compiled twice, and both suites test one code.

ape takes the contracts of `contracts/` from this file as long as their sources are those that stand there.
"""

import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "contracts"
ARTIFACTS = ROOT / ".build" / "forge"
MANIFEST = ROOT / ".build" / "__local__.json"


def contract_types(source: Path) -> dict[str, dict[str, Any]]:
    """EIP-2678 descriptions of the contracts in ``source``, by name."""
    found = {}
    for file in sorted((ARTIFACTS / source.name).glob("*.json")):
        artifact = json.loads(file.read_text())
        if list(artifact["metadata"]["settings"]["compilationTarget"]) != [source_id(source)] or "." in file.stem:
            continue
        found[file.stem] = {
            "contractName": file.stem,
            "sourceId": source_id(source),
            "abi": artifact["abi"],
            "methodIdentifiers": artifact["methodIdentifiers"],
            "deploymentBytecode": {"bytecode": artifact["bytecode"]["object"]},
            "runtimeBytecode": {"bytecode": artifact["deployedBytecode"]["object"]},
            "sourcemap": artifact["bytecode"]["sourceMap"],
        }
    return found


def source_id(source: Path) -> str:
    """What ape and the compiler call a source: its path from the root."""
    return source.relative_to(ROOT).as_posix()


def main() -> int:
    """Command line: no arguments."""
    sources = sorted(SOURCES.rglob("*.sol"))
    manifest = {
        "manifest": "ethpm/3",
        "sources": {source_id(source): {"content": source.read_text(), "urls": []} for source in sources},
        "contractTypes": {name: found for source in sources for name, found in contract_types(source).items()},
    }
    MANIFEST.write_text(json.dumps(manifest))
    return 0


if __name__ == "__main__":
    sys.exit(main())
