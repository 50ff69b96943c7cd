"""Writes `requirements/`: every Python package that set-up installs, pinned, with the hashes of all its files.

    python scripts/setup/lock.py              keeps locked versions that `pyproject.toml` still permits
    python scripts/setup/lock.py --upgrade    takes the newest versions that it permits

One resolution serves all files, so a package has one version in all of them. torch stands apart, twice: `torch-cpu.txt`
has the CPU builds of PyTorch's own index, `torch.txt` the registry's builds with the CUDA libraries that those need on
Linux. Where the index cannot be reached, `torch-cpu.txt` keeps the hashes that it has, and gets the hash of the wheel
that pip finds by its configuration, if it finds one.
"""

import argparse
import hashlib
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from install_torch import CPU_INDEX, LOCKS, ROOT, TIMEOUT_SECONDS

FILES = {
    "installer": ("--group", "installer"),
    "build": ("--group", "build"),
    "run": ("pyproject.toml", "--extra", "oracle", "--extra", "blind", "--group", "speed"),
    "dev": (
        "pyproject.toml",
        "--extra",
        "oracle",
        "--extra",
        "onnx",
        "--extra",
        "postgres",
        "--extra",
        "s3",
        "--extra",
        "dask",
        "--extra",
        "blind",
        "--extra",
        "proof",
        "--extra",
        "zk",
        "--extra",
        "compare",
        "--group",
        "speed",
        "--group",
        "dev",
    ),
    "fuzz": ("pyproject.toml", "--extra", "fuzz"),
    "bench": (
        "pyproject.toml",
        "--extra",
        "oracle",
        "--extra",
        "onnx",
        "--extra",
        "bench",
        "--extra",
        "blind",
        "--extra",
        "proof",
        "--extra",
        "zk",
        "--extra",
        "compare",
    ),
}
ALL = ("pyproject.toml", "--all-extras", "--group", "speed", "--group", "dev")
SEPARATE = ("installer", "build")
"""Resolved alone: neither is imported by anything in the environment."""
ACCELERATED = re.compile(r"(torch|triton|nvidia-.*|cuda-.*)==")
HEADER = "# Written by `make lock`; do not edit.\n"


def resolve(uv: Path, output: Path, *arguments: str) -> str:
    """Pins ``arguments`` for every platform into ``output``, and prefers the versions that stand there."""
    command = (uv, "pip", "compile", "--quiet", "--universal", "--python-version", "3.11", "--generate-hashes")
    subprocess.run((*command, "--no-header", "--no-annotate", "-o", output, *arguments), cwd=ROOT, check=True)
    return output.read_text()


def blocks(text: str) -> list[str]:
    """Requirements with their hashes, one string each."""
    return re.findall(r"^\w(?:.*\\\n)*.*\n", text, re.MULTILINE)


def write(name: str, requirements: list[str]) -> None:
    """One file of `requirements/`."""
    (LOCKS / f"{name}.txt").write_text(HEADER + "".join(requirements))


def hashes(text: str) -> set[str]:
    """The SHA-256 digests in a requirements file."""
    return set(re.findall(r"--hash=sha256:([0-9a-f]{64})", text))


def cpu_hashes(version: str) -> set[str]:
    """Digests of the CPU wheels of torch for Linux: the index's, or those known already and the one that pip finds."""
    try:
        with urlopen(f"{CPU_INDEX}/torch/", timeout=TIMEOUT_SECONDS) as answer:
            page = answer.read().decode()
    except (URLError, TimeoutError) as error:
        print(f"no CPU index of torch ({error}): keeping the hashes that are known", file=sys.stderr)
    else:
        return set(re.findall(rf"torch-{re.escape(version)}%2Bcpu-[^#\"]*linux[^#\"]*#sha256=([0-9a-f]{{64}})", page))

    file = LOCKS / "torch-cpu.txt"
    text = file.read_text() if file.exists() else ""
    known = hashes(text) if f"torch=={version}+cpu" in text else set()
    with tempfile.TemporaryDirectory() as folder:
        command = (sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder)
        subprocess.run((*command, f"torch=={version}+cpu"), check=False)
        return known | {hashlib.sha256(wheel.read_bytes()).hexdigest() for wheel in Path(folder).glob("*.whl")}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--upgrade", action="store_true", help="take the newest versions")
    upgrade = ("--upgrade",) if parser.parse_args().upgrade else ()
    uv = Path(sys.executable).parent / "uv"
    LOCKS.mkdir(exist_ok=True)

    for name in SEPARATE:
        write(name, blocks(resolve(uv, LOCKS / f"{name}.txt", *FILES[name], *upgrade)))
    with tempfile.TemporaryDirectory() as folder:
        everything = Path(folder) / "all.txt"
        standing = {
            block
            for name in ("run", "dev", "fuzz", "bench", "torch")
            if (path := LOCKS / f"{name}.txt").exists()
            for block in blocks(path.read_text())
        }
        everything.write_text("".join(sorted(standing)))
        accelerated = [block for block in blocks(resolve(uv, everything, *ALL, *upgrade)) if ACCELERATED.match(block)]
        for name in FILES.keys() - set(SEPARATE):
            text = resolve(uv, Path(folder) / f"{name}.txt", *FILES[name], "--constraints", str(everything))
            write(name, [block for block in blocks(text) if not ACCELERATED.match(block)])
    write("torch", accelerated)

    version = next(block.split()[0].removeprefix("torch==") for block in accelerated if block.startswith("torch=="))
    lines = [f"torch=={version}+cpu", *(f"    --hash=sha256:{digest}" for digest in sorted(cpu_hashes(version)))]
    write("torch-cpu", [" \\\n".join(lines) + "\n"])


if __name__ == "__main__":
    main()
