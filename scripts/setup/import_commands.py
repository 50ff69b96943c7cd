"""Imports every command of `assay` and `assay-oracle` once, which writes the bytecode of all that they import.

uv installs sources alone. Where Python may write no bytecode (PYTHONDONTWRITEBYTECODE, a read-only folder), a command
would compile them again each time: `import torch` takes 8 seconds of processor time then, and 3 with bytecode.
"""

import sys
from importlib import import_module

import assay.cli.main
import assay_oracle.cli.main

AT_WORK = ("assay_pricing.fitting", "assay_oracle.server.daemon", "sklearn.ensemble", "scipy.stats", "uvicorn")
"""What commands import while they work."""


def main() -> int:
    """Command line: no arguments."""
    commands = (*assay.cli.main.COMMANDS.values(), *assay_oracle.cli.main.COMMANDS.values())
    for command in commands:
        command.load()
    for name in AT_WORK:
        import_module(name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
