"""Coverage-guided fuzzing of one target or of several in turn: ``make fuzz-sealed``, ``make fuzz-network``.

    PYTHONPATH=scripts python -m fuzz node_answers oracle_answers --seconds 600 [--corpus FOLDER]

The seconds are for all targets together. ``atheris`` comes with the extra ``fuzz``. A finding ends the run, and is
written to ``crash-...`` in the current folder.
"""

import argparse
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from fuzz import place
from fuzz.engine import TARGETS


def fuzz(target: str, seconds: int, corpus: Path | None) -> int:
    """Fuzzes a target in a process of its own, which the fuzzer ends; its exit status."""
    with tempfile.TemporaryDirectory() as made, ExitStack() as held:
        folder = Path(made)
        if target == "api_requests":
            held.enter_context(place.built(folder))
        kept = corpus / target if corpus else folder / "corpus"
        kept.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "fuzz.engine", target, str(seconds), str(kept), str(folder)]
        return subprocess.run(command).returncode


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("targets", nargs="+", choices=TARGETS, metavar="TARGET", help=", ".join(TARGETS))
    parser.add_argument("--seconds", type=int, default=60, help="how long")
    parser.add_argument("--corpus", type=Path, help="folder for inputs that reach new code; by default none is kept")
    given = parser.parse_args()
    for target in given.targets:
        print(f"== {target}", file=sys.stderr, flush=True)
        if status := fuzz(target, max(1, given.seconds // len(given.targets)), given.corpus):
            sys.exit(status)


if __name__ == "__main__":
    main()
