"""Gives ape what forge compiled, `.build/__local__.json`: nothing is compiled twice, and both suites test one code.

ape takes the contracts of `contracts/` from this file as long as their sources are those that stand there.
"""

import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / ".build"
ARTIFACTS = BUILD / "forge"
CACHE = BUILD / "forge-cache" / "solidity-files-cache.json"
PROFILES = ("deployed", "default")
"""Of a contract that forge built twice, ape gets the build that is deployed."""


def contract_types(source: str, artifacts: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """EIP-2678 descriptions of the contracts in ``source``, by name; ``artifacts`` is what forge's cache lists."""
    found = {}
    for name, builds in artifacts.items():
        (by_profile,) = builds.values()
        path = next(by_profile[profile]["path"] for profile in PROFILES if profile in by_profile)
        artifact = json.loads((ARTIFACTS / path).read_text())
        # As the compiler wrote it: forge's own reading of it leaves out events and errors.
        documentation = json.loads(artifact["rawMetadata"])["output"]
        found[name] = {
            "contractName": name,
            "sourceId": source,
            "abi": sorted(artifact["abi"], key=lambda entry: (entry["type"], entry.get("name", ""))),
            "methodIdentifiers": artifact["methodIdentifiers"],
            "deploymentBytecode": {"bytecode": artifact["bytecode"]["object"]},
            "runtimeBytecode": {"bytecode": artifact["deployedBytecode"]["object"]},
            "sourcemap": artifact["bytecode"]["sourceMap"],
            "userdoc": documentation["userdoc"],
            "devdoc": documentation["devdoc"],
        }
    return found


def main() -> int:
    """Command line: no arguments."""
    cached = json.loads(CACHE.read_text())["files"]
    sources = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "contracts").rglob("*.sol"))
    types = [contract_types(source, cached[source]["artifacts"]) for source in sources]
    manifest = {
        "manifest": "ethpm/3",
        "sources": {source: {"content": (ROOT / source).read_text(), "urls": []} for source in sources},
        "contractTypes": {name: found for of_source in types for name, found in of_source.items()},
    }
    (BUILD / "__local__.json").write_text(json.dumps(manifest))
    return 0


if __name__ == "__main__":
    sys.exit(main())
