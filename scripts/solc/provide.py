"""Puts the pinned Solidity compiler into a folder for py-solc-x, ape, forge and slither alike.

The native one, downloaded by py-solc-x, where that is possible; npm's WebAssembly build of the same version elsewhere.
Point SOLCX_BINARY_PATH at the folder.
"""

import argparse
import sys
from pathlib import Path

import requests
import solcx
from solcx.exceptions import SolcInstallationError

VERSION = "0.8.34"
SHIM = Path(__file__).resolve().parent / "solc"


def provide(folder: Path) -> Path:
    """Returns the path of the compiler, `solc-v<version>` in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"solc-v{VERSION}"
    if not target.exists():
        try:
            solcx.install_solc(VERSION, solcx_binary_path=folder)
        except (requests.RequestException, OSError, ValueError, SolcInstallationError) as error:
            reason = type(error).__name__
            print(f"no native solc {VERSION} ({reason}): using npm's WebAssembly build, same output", file=sys.stderr)
            target.unlink(missing_ok=True)
            target.symlink_to(SHIM)
    link = folder / "solc"
    link.unlink(missing_ok=True)
    link.symlink_to(target.name)
    return target


def main() -> None:
    """Command line: ``provide.py FOLDER``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    print(provide(parser.parse_args().folder))


if __name__ == "__main__":
    main()
