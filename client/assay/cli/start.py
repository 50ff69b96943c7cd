"""How a program begins: an interruption (Ctrl-C) before its command is known ends it at once."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

INTERRUPTED = "interrupted"
RESUME = "nothing that was done is lost: run the same command again to continue"
_STATUS = 130
"""``ExitCode.INTERRUPTED``, without an import that could be interrupted."""


def start(module: str) -> None:
    """Imports ``module`` and calls its ``main``."""
    with ended_at_once():
        main = import_module(module).main
    main()


@contextmanager
def ended_at_once() -> Iterator[None]:
    """An interruption in this block, which imports and does nothing else, ends the process.

    An exception in the middle of an import may be printed or swallowed by any library, as pydantic does with one in a
    class that it builds. Interruptions stay ignored where a shell has them ignored.
    """
    usual = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if not usual or threading.current_thread() is not threading.main_thread():
        yield
        return
    signal.signal(signal.SIGINT, _end)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _end(*_: object) -> None:
    error = f'{{"code": "{INTERRUPTED}", "message": "{INTERRUPTED}", "hint": "{RESUME}"}}'
    if "--json" in sys.argv:
        os.write(1, f'{{"error": {error}}}\n'.encode())
    os.write(2, f"\nerror: {INTERRUPTED}\nhint: {RESUME}\n".encode())
    os._exit(_STATUS)
