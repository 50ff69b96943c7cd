"""Mutation testing of the contracts: how many small faults does forge's suite notice?

    python scripts/mutate.py                 every mutant
    python scripts/mutate.py --every 20      every 20th, evenly spread
    python scripts/mutate.py --minimum 0.9   ends in 1 below that share of killed mutants

Mutants are made from the compiler's syntax tree: one operator, constant, condition or statement at a time, in Solidity
and in assembly. Each is compiled as written (profile `plain` of `foundry.toml`). Tests load contracts by name, so the
mutant's code is put where they find it, and nothing else is compiled again. A mutant is killed if a test fails or takes
longer than a minute. Left out of the count are mutants that do not compile, and mutants that are equivalent: the
optimizer makes the same code of both.

Works on copies of the tree in `.build/mutate`, one for each of two workers. What is known of these very contracts and
tests is kept there, so that an interrupted run resumes.
"""

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from queue import SimpleQueue
from threading import Lock
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".build" / "mutate"
COMPILER = ROOT / ".build/solc/solc"
CONTRACTS = Path("contracts")
MUTATED = (
    "Settlement.sol",
    *(
        f"libraries/{name}.sol"
        for name in ("Constants", "Digests", "OrderState", "Signatures", "Payments", "SealedData", "ChaCha20")
    ),
)
COMPILED = {"Settlement.sol": "Settlement", "mocks/Harness.sol": "Harness"}
"""Contracts that tests load by name, and their files."""
LEFT_OUT = ("Invariants.t.sol", "Symbolic.t.sol")
"""Tests that take long: what they say of money and time, shorter ones say too."""
WORKERS = 2
BATCH = 12
"""Mutants that are compiled in one go: the compiler is slow to start."""
TIMEOUT = 60


def pairs(text: str) -> dict[str, str]:
    """What stands before and behind each colon."""
    return dict(pair.split(":") for pair in text.split())


SWAPS = pairs(
    "<:<= <=:< >:>= >=:> ==:!= !=:== &&:|| ||:&& +:- -:+ *:/ /:* %:/ **:* &:| |:& ^:| <<:>> >>:<< "
    "+=:-= -=:+= *=:/= /=:*= ++:-- --:++"
)
"""Operators of Solidity, and what stands there in the mutant."""

YUL_SWAPS = pairs(
    "add:sub sub:add mul:div and:or or:and xor:or shl:shr shr:shl lt:gt gt:lt eq:lt iszero:not not:iszero gas:caller"
)
"""Instructions in assembly, likewise."""

CONTEXT = {
    "msg.sender": "address(this)",
    "msg.value": "0",
    "block.timestamp": "block.number",
    "block.chainid": "1",
}
"""What a transaction brings with it, likewise."""


@cache
def content_of(file: str) -> bytes:
    """A file of the contracts as it was when the run began: somebody may go on writing it."""
    return (ROOT / CONTRACTS / file).read_bytes()


@dataclass(frozen=True)
class Mutant:
    """One fault: in ``source``, the bytes from ``start`` to ``end`` read ``after``."""

    source: str
    start: int
    end: int
    after: str

    @property
    def text(self) -> str:
        """The whole file with the fault."""
        whole = content_of(self.source)
        return (whole[: self.start] + self.after.encode() + whole[self.end :]).decode()

    @property
    def name(self) -> str:
        """What the results know it by: place, and what reads otherwise there."""
        whole = content_of(self.source)
        line = whole[: self.start].count(b"\n") + 1
        column = self.start - whole.rfind(b"\n", 0, self.start)
        before = re.sub(r"\s+", " ", whole[self.start : self.end].decode())
        return f"{self.source}:{line}:{column}: {before} -> {self.after or '(nothing)'}"


# --- making mutants -------------------------------------------------------------------------------------------------


def nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """Every node of a syntax tree, parents first."""
    if isinstance(tree, list):
        for branch in tree:
            yield from nodes(branch)
    elif isinstance(tree, dict):
        if "nodeType" in tree:
            yield tree
        for branch in tree.values():
            yield from nodes(branch)


def span(node: dict[str, Any]) -> tuple[int, int]:
    """First byte of a node, and the one behind its last."""
    start, length, _ = map(int, node["src"].split(":"))
    return start, start + length


def faults_of(node: dict[str, Any], code: bytes) -> Iterator[tuple[int, int, str]]:
    """First byte, the one behind the last, and what stands there instead, for each fault that ``node`` can have."""
    start, end = span(node)
    text = code[start:end].decode()
    kind = node["nodeType"]
    if kind in ("BinaryOperation", "Assignment") and node["operator"] in SWAPS:
        left, right = (
            ("leftExpression", "rightExpression") if kind == "BinaryOperation" else ("leftHandSide", "rightHandSide")
        )
        begin, stop = span(node[left])[1], span(node[right])[0]
        at = code.index(node["operator"].encode(), begin, stop)
        yield at, at + len(node["operator"]), SWAPS[node["operator"]]
    elif kind == "UnaryOperation" and node["operator"] in SWAPS:
        yield start, end, text.replace(node["operator"], SWAPS[node["operator"]])
    elif kind == "UnaryOperation" and node["operator"] == "!":
        yield start, end, text[1:]
    elif kind == "Conditional":
        branches = [code[slice(*span(node[side]))].decode() for side in ("falseExpression", "trueExpression")]
        yield span(node["trueExpression"])[0], end, " : ".join(branches)
    elif kind == "IfStatement":
        yield *span(node["condition"]), "false"
        if node["trueBody"]["nodeType"] != "RevertStatement":
            yield *span(node["condition"]), "true"
    elif kind in ("ExpressionStatement", "EmitStatement"):
        # A loop's own step has no semicolon, and is simply left out.
        yield (start, end + 1, "{}") if code[end : end + 1] == b";" else (start, end, "")
    elif kind == "MemberAccess" and text in CONTEXT:
        yield start, end, CONTEXT[text]
    elif kind == "Literal":
        yield start, end, other_literal(node["kind"], text)
    elif kind in ("YulAssignment", "YulExpressionStatement"):
        yield start, end, ""
    elif kind == "YulFunctionCall" and node["functionName"]["name"] in YUL_SWAPS:
        begin, stop = span(node["functionName"])
        swapped = YUL_SWAPS[node["functionName"]["name"]]
        yield begin, stop, swapped
    elif kind == "YulLiteral" and node["kind"] == "number":
        yield start, end, other_literal("number", text)


def other_literal(kind: str, text: str) -> str:
    """Another value of the same kind: the next number, the other truth, a string that ends otherwise."""
    if kind == "bool":
        return "false" if text == "true" else "true"
    if kind == "number":
        value, *unit = text.replace("_", "").split()
        if value.startswith("0x"):
            return f"0x{int(value, 16) ^ 1:0{len(value) - 2}x}"
        return " ".join([str(int(value) + 1), *unit])
    return f"{text[:-2]}{'x' if text[-2] != 'x' else 'y'}{text[-1]}"


def all_mutants() -> list[Mutant]:
    """Every mutant, in the order of the files."""
    output = compiled(sources_with({}), {"": ["ast"]})
    mutants = []
    for source in MUTATED:
        code = content_of(source)
        for node in nodes(output["sources"][str(CONTRACTS / source)]["ast"]["nodes"]):
            if node["nodeType"] != "ImportDirective":
                mutants += [Mutant(source, *fault) for fault in faults_of(node, code)]
    return list(dict.fromkeys(mutants))


# --- compiling them -------------------------------------------------------------------------------------------------


def sources_with(changes: dict[str, str], folder: Path = CONTRACTS) -> dict[str, Any]:
    """The contracts as if they lay in ``folder``, with ``changes`` by file."""
    files = [*MUTATED, "interfaces/ISettlement.sol", "mocks/Harness.sol"]
    return {str(folder / file): {"content": changes.get(file) or content_of(file).decode()} for file in files}


def compiled(sources: dict[str, Any], outputs: dict[str, list[str]], *, optimized: bool = False) -> dict[str, Any]:
    """The compiler's answer; without metadata, so that equal code is equal."""
    settings = {
        "evmVersion": "shanghai",
        "optimizer": {"enabled": optimized},
        "metadata": {"appendCBOR": False, "bytecodeHash": "none"},
        "remappings": ["@openzeppelin/contracts/=node_modules/@openzeppelin/contracts/"],
        "outputSelection": {"*": outputs},
    }
    done = subprocess.run(
        [COMPILER, "--standard-json", "--base-path", ROOT, "--allow-paths", ROOT],
        input=json.dumps({"language": "Solidity", "sources": sources, "settings": settings}),
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


Code = dict[str, str]
"""Creation code in hexadecimal, by contract."""


def codes_of(mutants: Sequence[Mutant | None], *, optimized: bool = False) -> list[Code | None]:
    """The code of each mutant (of the contract itself for None), or None where it does not compile.

    They are compiled at once, each in a folder of its own. The compiler makes no code at all while there are errors,
    so those that have some are left out, and it is asked again.
    """
    codes: list[Code | None] = [None] * len(mutants)
    remaining = list(range(len(mutants)))
    while remaining:
        sources: dict[str, Any] = {}
        for i in remaining:
            mutant = mutants[i]
            sources |= sources_with({mutant.source: mutant.text} if mutant else {}, Path(f"mutant{i}"))
        answer = compiled(sources, {"*": ["evm.bytecode.object"]}, optimized=optimized)
        errors = [error for error in answer.get("errors", ()) if error["severity"] == "error"]
        if not errors:
            for i in remaining:
                codes[i] = {
                    name: answer["contracts"][f"mutant{i}/{file}"][name]["evm"]["bytecode"]["object"]
                    for file, name in COMPILED.items()
                }
            break
        broken = {int(found) for error in errors for found in re.findall(r"mutant(\d+)/", json.dumps(error))}
        if not broken:
            raise RuntimeError(f"expected errors of single mutants, got {errors[0]['formattedMessage']}")
        remaining = [i for i in remaining if i not in broken]
    return codes


# --- judging them ---------------------------------------------------------------------------------------------------


class Tree:
    """A copy of contracts and tests, compiled, whose contracts can be given other code."""

    def __init__(self, number: int) -> None:
        self.path = FOLDER / str(number)
        (self.path / ".build").mkdir(parents=True, exist_ok=True)
        for name in ("contracts", "tests/forge"):
            shutil.rmtree(self.path / name, ignore_errors=True)
            shutil.copytree(ROOT / name, self.path / name, ignore=shutil.ignore_patterns(*LEFT_OUT))
        shutil.copy(ROOT / "foundry.toml", self.path)
        if not (self.path / "node_modules").exists():
            (self.path / "node_modules").symlink_to(ROOT / "node_modules")
        self.add_compiler()
        shutil.rmtree(self.path / ".build/forge", ignore_errors=True)
        shutil.rmtree(self.path / ".build/forge-cache", ignore_errors=True)
        if self.forge("build") != 0:
            raise RuntimeError("contracts or tests do not compile; see FOUNDRY_PROFILE=plain forge build")
        if self.forge("test") != 0:
            raise RuntimeError("the tests fail on the contracts as they are; see FOUNDRY_PROFILE=plain forge test")

    def add_compiler(self) -> None:
        """The compiler, knowing its version by heart: forge always asks, and npm's takes a second to say."""
        version = subprocess.run([COMPILER, "--version"], capture_output=True, text=True, check=True).stdout
        script = self.path / ".build/solc/solc"
        script.parent.mkdir(exist_ok=True)
        script.write_text(
            f"#!/bin/sh\nif [ \"$1\" = --version ]; then cat <<'EOF'\n{version}EOF\nelse exec '{COMPILER}' \"$@\"; fi\n"
        )
        script.chmod(0o755)

    def forge(self, *arguments: str) -> int:
        """Exit status of forge in the copy; 124 if it took too long."""
        environment = os.environ | {
            "FOUNDRY_PROFILE": "plain",
            "FOUNDRY_FUZZ_RUNS": "16",
            "FOUNDRY_FUZZ_SEED": "0x5eed",
        }
        timeout = TIMEOUT if arguments[0] == "test" else None
        try:
            command = ["forge", *arguments]
            return subprocess.run(
                command, cwd=self.path, env=environment, capture_output=True, timeout=timeout, check=False
            ).returncode
        except subprocess.TimeoutExpired:
            return 124

    def kills(self, code: Code) -> bool:
        """Whether a test fails on contracts of ``code``."""
        for file, name in COMPILED.items():
            artifact = self.path / ".build/forge" / Path(file).name / f"{name}.json"
            content = json.loads(artifact.read_text())
            content["bytecode"]["object"] = f"0x{code[name]}"
            artifact.write_text(json.dumps(content))
        return self.forge("test", "--fail-fast", "--threads", "1") != 0


def judge(mutants: Sequence[Mutant], tree: Tree) -> Iterator[tuple[Mutant, str]]:
    """Each mutant with its verdict: killed, survived, the same, or invalid."""
    original, *codes = codes_of([None, *mutants])
    survivors = []
    for mutant, code in zip(mutants, codes, strict=True):
        if code is None:
            yield mutant, "invalid"
        elif code == original or not tree.kills(code):
            survivors.append(mutant)
        else:
            yield mutant, "killed"
    if survivors:
        original, *codes = codes_of([None, *survivors], optimized=True)
        for mutant, code in zip(survivors, codes, strict=True):
            yield mutant, "the same" if code == original else "survived"


def digest() -> str:
    """Names the contracts and tests that results are of."""
    files = sorted(path for name in ("contracts", "tests/forge") for path in (ROOT / name).rglob("*.sol"))
    content = b"".join(path.read_bytes() for path in [*files, ROOT / "foundry.toml", Path(__file__)])
    return hashlib.sha256(content).hexdigest()[:16]


def judge_all(chosen: Sequence[Mutant]) -> dict[str, str]:
    """Verdicts by the names of mutants; those that an earlier run found out are not judged again."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    results = FOLDER / f"results-{digest()}.json"
    known: dict[str, str] = json.loads(results.read_text()) if results.exists() else {}
    unknown = [mutant for mutant in chosen if mutant.name not in known]
    trees: SimpleQueue[Tree] = SimpleQueue()
    lock = Lock()

    def work(batch: Sequence[Mutant]) -> None:
        tree = trees.get()
        try:
            for mutant, verdict in judge(batch, tree):
                with lock:
                    known[mutant.name] = verdict
                    results.write_text(json.dumps(known, indent=1) + "\n")
                    print(f"{len(known)}/{len(chosen)} {verdict}: {mutant.name}", flush=True)
        finally:
            trees.put(tree)

    with ThreadPoolExecutor(WORKERS) as pool:
        if unknown:
            for tree in pool.map(Tree, range(WORKERS)):
                trees.put(tree)
        list(pool.map(work, [unknown[i : i + BATCH] for i in range(0, len(unknown), BATCH)]))
    return {mutant.name: known[mutant.name] for mutant in chosen}


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--every", type=int, default=1, help="judge every Nth mutant")
    parser.add_argument("--minimum", type=float, default=0.0, help="least share of mutants killed")
    arguments = parser.parse_args()

    verdicts = judge_all(all_mutants()[:: arguments.every])
    counts = Counter((name.split(":")[0], verdict) for name, verdict in verdicts.items())
    print()
    for source in MUTATED:
        killed, survived, same, invalid = (
            counts[source, verdict] for verdict in ("killed", "survived", "the same", "invalid")
        )
        print(f"{source}: {killed} of {killed + survived} killed; left out {same} the same, {invalid} invalid")
    survivors = [name for name, verdict in verdicts.items() if verdict == "survived"]
    killed = sum(verdict == "killed" for verdict in verdicts.values())
    judged = killed + len(survivors)
    print(f"{killed} of {judged} mutants killed: {killed / judged:.1%}", *survivors, sep="\n  ")
    return 0 if killed >= arguments.minimum * judged else 1


if __name__ == "__main__":
    sys.exit(main())
