"""Coverage-guided fuzzing of what reads sealed files: ``make fuzz-sealed``.

    PYTHONPATH=scripts python -m fuzz --seconds 60 [--corpus FOLDER]

``atheris`` comes with the extra ``fuzz``. A finding ends the run, and is written to ``crash-...`` in the folder of the
run.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["assay.protocol"]):
    from fuzz.sealed_files import check

CORPUS = Path(__file__).parents[2] / "tests" / "vectors" / "sealed_files"
MOST_BYTES = 20_000
"""Length of an input: some chunks."""
MOST_MEMORY = 1024
"""MiB that a run may take."""
MOST_SECONDS = 10
"""Time for one input."""


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=60, help="how long")
    parser.add_argument("--corpus", type=Path, help="folder for inputs that reach new code; by default none is kept")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        limits = {
            "max_total_time": given.seconds,
            "max_len": MOST_BYTES,
            "rss_limit_mb": MOST_MEMORY,
            "timeout": MOST_SECONDS,
        }
        options = [f"-{name}={value}" for name, value in limits.items()]
        atheris.Setup([sys.argv[0], *options, str(given.corpus or folder), str(CORPUS)], check)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
