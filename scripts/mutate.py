"""Mutation testing of the contracts: how many small faults do the tests notice?

    python scripts/mutate.py                 every mutant
    python scripts/mutate.py --every 20      every 20th, evenly spread
    python scripts/mutate.py --minimum 0.9   ends in 1 below that share of killed mutants

Works on a copy of the tree in `out/mutate` (ape overlooks what lies in `.build`). A mutant is killed if it does not
compile or if a test fails: first forge's short suite, then, for what survives that, the specification in
`tests/contracts`. What is known of these very contracts and tests is kept there, so that an interrupted run goes on
where it was.
"""

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TREE = ROOT / "out" / "mutate"
SOURCES = ("Settlement.sol", "libraries/SealedData.sol", "libraries/ChaCha20.sol", "libraries/QuoteHash.sol")
FORGE = ["forge", "test"]
APE = ["ape", "test", "tests/contracts", "--network", "ethereum:local:foundry", "-q", "-x", "-p", "no:cacheprovider"]
LEFT_OUT = (
    *("__pycache__", "Invariants.t.sol", "Symbolic.t.sol"),
    *("test_deploy.py", "test_chains.py", "test_state_machine.py"),
)
"""Tests that take long, or that any change of the code would fail."""
TIMEOUT = 900

SWAPS = [
    (r"(?<![<>=!-])<(?![<=])", "<="),
    (r"<=", "<"),
    (r"(?<![<>=-])>(?![>=])", ">="),
    (r"(?<!>)>=", ">"),
    (r"==", "!="),
    (r"!=", "=="),
    (r"&&", "||"),
    (r"\|\|", "&&"),
    (r"(?<=[\w)\]]) \+ (?=[\w(])", " - "),
    (r"(?<=[\w)\]]) - (?=[\w(])", " + "),
    (r" \+= ", " -= "),
    (r"(?<=[( ])!(?=[\w_])", ""),
    (r"\bmsg\.sender\b", "address(this)"),
    (r"\btrue\b", "false"),
    (r"\b0\b(?!x)", "1"),
]
"""Patterns in code, and what stands there in the mutant."""

DELETED = re.compile(
    r"^\s+(if \(.*\) revert .*;|_\w+\(.*\);|delete .*;|emit .*;|[\w.]+(\[.*\])? (=|\+=) .*;|\w+\+\+;)$"
)
"""Whole statements on a line of their own that a mutant does without."""

DECLARATION = re.compile(
    r"\s*(import|pragma|using|library|contract|struct|mapping|error|event|function|uint256 private)"
)


@dataclass(frozen=True)
class Mutant:
    """One fault: ``line`` (from 1) of ``source`` reads ``after`` for ``before``."""

    source: str
    line: int
    before: str
    after: str

    @property
    def name(self) -> str:
        """What the results know it by."""
        return f"{self.source}:{self.line}: {self.before.strip()} -> {self.after.strip() or '(deleted)'}"


def mutants_of(source: str) -> Iterator[Mutant]:
    """All mutants of a file below ``contracts/``."""
    in_assembly = False
    for number, text in enumerate((ROOT / "contracts" / source).read_text().splitlines(), 1):
        code = text.split("//")[0].rstrip()
        in_assembly = "assembly" in code or (in_assembly and code.strip() != "}")
        declares = re.match(
            r"\s*(import|pragma|using|library|contract|struct|mapping|error|event|function|uint256 private)", code
        )
        if not code.strip() or code.lstrip().startswith(("/*", "*")) or (declares and "constant" not in code):
            continue
        if DELETED.match(code):
            yield Mutant(source, number, text, "")
        if in_assembly:
            continue
        for pattern, replacement in SWAPS:
            for match in re.finditer(pattern, code):
                yield Mutant(source, number, text, code[: match.start()] + replacement + code[match.end() :])


def copy_tree() -> None:
    """The tree to break: sources, tests and settings; tools and packages by link."""
    for name in ("contracts", "tests"):
        shutil.rmtree(TREE / name, ignore_errors=True)
        shutil.copytree(ROOT / name, TREE / name, ignore=shutil.ignore_patterns(*LEFT_OUT))
    for name in ("foundry.toml", "ape-config.yaml"):
        shutil.copy(ROOT / name, TREE / name)
    (TREE / ".build").mkdir(exist_ok=True)
    for link, target in ((TREE / "node_modules", ROOT / "node_modules"), (TREE / ".build/solc", ROOT / ".build/solc")):
        if not link.exists():
            link.symlink_to(target)


def digest_of_tree() -> str:
    """Names the contracts and tests that results are of."""
    files = sorted(path for name in ("contracts", "tests") for path in (TREE / name).rglob("*") if path.is_file())
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:16]


def passes(command: list[str]) -> bool:
    """Whether ``command`` ends in 0, in the copy."""
    environment = os.environ | {"FOUNDRY_FUZZ_RUNS": "48", "FOUNDRY_FUZZ_SEED": "0x5eed"}
    try:
        done = subprocess.run(command, cwd=TREE, env=environment, capture_output=True, timeout=TIMEOUT, check=False)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def judge(mutant: Mutant, suites: list[list[str]]) -> str:
    """``killed by forge``, ``killed by ape`` or ``survived``; the copy is whole again afterwards."""
    path = TREE / "contracts" / mutant.source
    whole = path.read_text()
    lines = whole.splitlines()
    lines[mutant.line - 1] = mutant.after
    path.write_text("\n".join(lines) + "\n")
    try:
        return next((f"killed by {suite[0]}" for suite in suites if not passes(suite)), "survived")
    finally:
        path.write_text(whole)


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--every", type=int, default=1, help="judge every Nth mutant")
    parser.add_argument("--minimum", type=float, default=0.0, help="least share of mutants killed")
    arguments = parser.parse_args()

    TREE.mkdir(parents=True, exist_ok=True)
    copy_tree()
    suites = [FORGE, APE]
    results = TREE / f"results-{digest_of_tree()}.json"
    known: dict[str, str] = json.loads(results.read_text()) if results.exists() else {}
    if not all(passes(suite) for suite in suites):
        print("the tests fail on the contracts as they are; expected them to pass", file=sys.stderr)
        return 1

    chosen = [mutant for source in SOURCES for mutant in mutants_of(source)][:: arguments.every]
    for count, mutant in enumerate(chosen, 1):
        if mutant.name not in known:
            known[mutant.name] = judge(mutant, suites)
            results.write_text(json.dumps(known, indent=1) + "\n")
        print(f"{count}/{len(chosen)} {known[mutant.name]}: {mutant.name}", flush=True)

    verdicts = {mutant.name: known[mutant.name] for mutant in chosen}
    survivors = [name for name, verdict in verdicts.items() if verdict == "survived"]
    score = 1 - len(survivors) / len(verdicts)
    print(f"\n{len(verdicts) - len(survivors)} of {len(verdicts)} mutants killed: {score:.1%}", *survivors, sep="\n  ")
    return 0 if score >= arguments.minimum else 1


if __name__ == "__main__":
    sys.exit(main())
