"""Parties at their command lines: ``assay sell`` and ``assay buy`` as processes that can be killed, and start again."""

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

from eth_account import Account
from localnet import BIN

PASSWORD = "chaos"  # noqa: S105 of keys that everybody knows
_PATIENCE, _PAUSE = 5.0, 0.05
"""Seconds for which a fault waits for a command that it can kill, and between two looks."""


def write_keystore(home: Path, key: bytes) -> None:
    """A keystore that is quick to open: a command that was killed starts again at once."""
    home.mkdir(parents=True, exist_ok=True)
    path = home / "keystore.json"
    path.write_text(json.dumps(Account.encrypt(key, PASSWORD, kdf="pbkdf2", iterations=1)))
    path.chmod(0o600)


class Command:
    """``assay`` with ``arguments``, run again until it is told to stop.

    Args:
        arguments: Of the command.
        environment: The command's settings.
        step: Called at each line that the command writes.
    """

    def __init__(self, arguments: Sequence[object], environment: Mapping[str, str], step: Callable[[], None]) -> None:
        self._words = [str(word) for word in (BIN / "assay", *arguments, "--json")]
        self._environment = {**os.environ, "OMP_NUM_THREADS": "1", **environment}
        self._step = step
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._stopped = False
        self.kills = 0

    def run(self) -> tuple[int, str, str]:
        """Runs it once; status, what it printed, and the last line that it said."""
        with self._lock:
            if self._stopped:
                return -signal.SIGKILL, "", ""
            self._process = process = subprocess.Popen(
                self._words,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env=self._environment,
            )
        said = [""]

        def listen() -> None:
            assert process.stderr is not None
            for line in process.stderr:
                said.append(line.strip())
                self._step()

        listening = threading.Thread(target=listen)
        listening.start()
        assert process.stdout is not None
        printed = ""
        for line in process.stdout:
            printed += line
            self._step()
        listening.join()
        return process.wait(), printed, said[-1]

    def kill(self) -> bool:
        """Kills it with SIGKILL where it is; whether it ran."""
        with self._lock:
            runs = self._process is not None and self._process.poll() is None
            if runs:
                assert self._process is not None
                self._process.kill()
                self.kills += 1
            return runs

    def stop(self) -> None:
        """Ends it for good."""
        with self._lock:
            self._stopped = True
            if self._process is not None:
                with suppress(ProcessLookupError):
                    self._process.kill()


def kill_one_of(commands: list[Command], random: Random) -> None:
    """Kills one of the commands as soon as one runs, unless their sales have ended; the party starts it again."""
    order = random.sample(commands, len(commands))
    end = time.monotonic() + _PATIENCE
    while not any(command.kill() for command in order) and time.monotonic() < end:
        time.sleep(_PAUSE)


def answer_of(printed: str) -> dict[str, Any]:
    """What a command printed: one JSON object; empty if it printed none."""
    with suppress(ValueError):
        found = json.loads(printed)
        if isinstance(found, dict):
            return found
    return {}
