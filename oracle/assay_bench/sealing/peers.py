"""Other programs that encrypt a file, where they are installed."""

import shutil
import subprocess
from pathlib import Path

from pyrage import x25519


def peer_commands(data: Path, target: Path, home: Path) -> dict[str, list[str]]:
    """Commands by name, which encrypt ``data`` to ``target``; GnuPG keeps its files in ``home``."""
    recipient = str(x25519.Identity.generate().to_public())
    unattended = ["--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", "benchmark"]
    gpg = ["gpg", "--homedir", str(home), *unattended, "--compress-algo", "none", "--output", str(target)]
    return {
        "age": ["age", "--encrypt", "--recipient", recipient, "--output", str(target), str(data)],
        "gpg --symmetric": [*gpg, "--symmetric", str(data)],
    }


def end_agent(home: Path) -> None:
    """Ends the agent that GnuPG started for ``home``."""
    command = shutil.which("gpgconf")
    if command is not None:
        subprocess.run([command, "--homedir", str(home), "--kill", "all"], capture_output=True, check=False)  # noqa: S603
