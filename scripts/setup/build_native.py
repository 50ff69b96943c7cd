"""Compiles the batched SHA-256 of the client, if the machine has a C compiler and an x86-64 processor.

Without it the client hashes with hashlib: the same results, less speed. ``hatch_build.py`` runs this at every install.
"""

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "client" / "assay" / "protocol" / "batch" / "digests.c"
COMPILERS = ("cc", "gcc", "clang")


def compile_native(target: Path) -> str | None:
    """Compiles the library to ``target``, which is replaced whole; returns why that is impossible, if it is."""
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return f"no instructions for it on {platform.machine()}"
    compiler = next((path for path in map(shutil.which, COMPILERS) if path), None)
    if compiler is None:
        return f"no C compiler: none of {', '.join(COMPILERS)}"
    try:
        with tempfile.TemporaryDirectory(dir=target.parent) as folder:
            made = Path(folder) / target.name
            command = [compiler, "-O3", "-shared", "-fPIC", "-o", str(made), str(SOURCE)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                return f"{compiler} failed: {done.stderr.strip()}"
            os.replace(made, target)
    except OSError as error:
        return f"{target.parent} cannot be written to: {error.strerror}"
    return None


def main() -> int:
    """Command line: no arguments."""
    problem = compile_native(SOURCE.with_suffix(".so"))
    if problem:
        print(f"sealing will hash with hashlib, and take longer: {problem}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
