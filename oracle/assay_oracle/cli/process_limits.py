"""What processes are held to: no dumps of memory; the pricing process to time, memory, and two pipes to the daemon."""

import ctypes
import os
import resource
import signal
import sys

from assay_oracle.appraisers.wire import Channel

_PR_SET_DUMPABLE = 4
"""Of ``prctl(2)``."""


def limit_cpu(seconds: float) -> None:
    """Lets the kernel end this process (SIGPROF) once it has computed for ``seconds`` more; 0 lets it compute on.

    A timer, since ``RLIMIT_CPU`` counts from the start of the process, in ticks of the scheduler, and no call tells how
    many there were: ``getrusage`` states exact time, and after 100 s of short requests the two are 10 s apart. The
    timer counts the same ticks, from now on.
    """
    signal.signal(signal.SIGPROF, signal.SIG_DFL)  # whatever the parent left
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGPROF})
    signal.setitimer(signal.ITIMER_PROF, seconds)


def limit_memory(count: int) -> None:
    """Bounds the process's private memory to ``count`` bytes, and forbids core dumps, which would hold plaintext."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    bound = count if hard == resource.RLIM_INFINITY else min(count, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (bound, bound))


def forbid_dumps() -> None:
    """Lets no core dump be written, and no other process of the same user read this one's memory: keys are in it."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def leave_stops_to_daemon() -> None:
    """Ignores the signals by which a terminal or systemd ends all processes of a service at once.

    The daemon ends this process when it stops, and then counts no attempt; without a daemon its input ends.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)


def standard_channel() -> Channel:
    """The channel over standard input and output; what a library prints then goes to standard error."""
    reader, writer = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return Channel(reader, writer)
