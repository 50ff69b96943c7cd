"""How a program begins: an interruption (Ctrl-C) before its command is known ends it at once."""

import os
import signal
import sys
from importlib import import_module

INTERRUPTED = "interrupted"
RESUME = "nothing that was done is lost: run the same command again to continue"
_STATUS = 130
"""``ExitCode.INTERRUPTED``, without an import that could be interrupted."""


def start(module: str) -> None:
    """Imports ``module`` and calls its ``main``.

    An exception in the middle of an import could be caught or printed by any library: the process ends instead, which
    has done nothing yet.
    """
    at_once = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # not where a shell has it ignored
    if at_once:
        signal.signal(signal.SIGINT, _end)
    main = import_module(module).main
    if at_once:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    main()


def _end(*_: object) -> None:
    error = f'{{"code": "{INTERRUPTED}", "message": "{INTERRUPTED}", "hint": "{RESUME}"}}'
    if "--json" in sys.argv:
        os.write(1, f'{{"error": {error}}}\n'.encode())
    os.write(2, f"\nerror: {INTERRUPTED}\nhint: {RESUME}\n".encode())
    os._exit(_STATUS)
