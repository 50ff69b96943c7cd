"""How a program is interrupted (Ctrl-C): at once before its command is known, and later never within an import."""

import os
import signal
import sys
import threading
import time
from _thread import start_new_thread
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import FrameType

INTERRUPTED = "interrupted"
RESUME = "nothing that was done is lost: run the same command again to continue"
_STATUS = 130
"""``ExitCode.INTERRUPTED``, without an import that could be interrupted."""
_AGAIN_SECONDS = 0.02
_IMPORTING = "<frozen importlib._bootstrap>"


def start(module: str) -> None:
    """Imports ``module`` and calls its ``main``.

    An interruption while ``main`` imports, as commands do when they run, comes once the import is done.
    """
    with ended_at_once():
        main = import_module(module).main
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupt)
    main()


@contextmanager
def ended_at_once() -> Iterator[None]:
    """An interruption in this block, which imports and does nothing else, ends the process.

    An exception in the middle of an import may be printed or swallowed by any library, as pydantic does with one in a
    class that it builds. Interruptions stay ignored where a shell has them ignored.
    """
    before = signal.getsignal(signal.SIGINT)
    usual = before in (signal.default_int_handler, _interrupt)
    if not usual or threading.current_thread() is not threading.main_thread():
        yield
        return
    signal.signal(signal.SIGINT, _end)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _interrupt(_: int, frame: FrameType | None) -> None:
    """As Python's own handler, but for imports: there it tries again, from a thread that takes no lock to start."""
    importing = frame
    while importing is not None and importing.f_code.co_filename != _IMPORTING:
        importing = importing.f_back
    if importing is None:
        raise KeyboardInterrupt
    start_new_thread(_interrupt_again, ())


def _interrupt_again() -> None:
    time.sleep(_AGAIN_SECONDS)
    main = threading.main_thread().ident
    if main is not None:
        signal.pthread_kill(main, signal.SIGINT)  # os.kill may choose another thread, and the main one goes on waiting


def _end(*_: object) -> None:
    error = f'{{"code": "{INTERRUPTED}", "message": "{INTERRUPTED}", "hint": "{RESUME}"}}'
    if "--json" in sys.argv:
        os.write(1, f'{{"error": {error}}}\n'.encode())
    os.write(2, f"\nerror: {INTERRUPTED}\nhint: {RESUME}\n".encode())
    os._exit(_STATUS)
