"""Installs torch as locked into the environment that runs this file: a CPU build wherever one can be had.

On Linux: from PyTorch's CPU index where it can be reached; else from the sources that pip is configured with; else the
registry's build, with the CUDA libraries that it needs. On other systems the registry's build is a CPU build.
"""

import subprocess
import sys
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

ROOT = Path(__file__).resolve().parents[2]
LOCKS = ROOT / "requirements"
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
TIMEOUT_SECONDS = 5


def index_is_reachable() -> bool:
    """Whether the CPU index answers at once."""
    try:
        with urlopen(f"{CPU_INDEX}/torch/", timeout=TIMEOUT_SECONDS):
            return True
    except (URLError, TimeoutError):
        return False


def install(installer: tuple[str, ...], lock: str, *options: str) -> bool:
    """Whether ``installer`` could install what ``lock`` pins."""
    command = [sys.executable, "-m", *installer, "install", "--quiet", "--require-hashes", *options]
    return subprocess.run([*command, "--requirement", str(LOCKS / lock)], check=False).returncode == 0


def main() -> int:
    """Command line: no arguments."""
    uv, pip = ("uv", "pip"), ("pip",)
    if sys.platform == "linux":
        if index_is_reachable():
            done = install(uv, "torch-cpu.txt", "--no-deps", "--index", CPU_INDEX)
        else:
            done = install(pip, "torch-cpu.txt", "--no-deps", "--no-compile")
        if done:
            return 0
        print("no CPU build of torch found: installing the registry's, with CUDA", file=sys.stderr)
    return 0 if install(uv, "torch.txt", "--no-deps") else 1


if __name__ == "__main__":
    sys.exit(main())
