"""What is in a process's memory stays there; a request's limit does not count what was computed before it."""

import signal
import subprocess
import sys

import pytest
from scripts.localnet import CEILING

DUMP = """
import ctypes, os, resource, signal
from assay_oracle.cli.process_limits import forbid_dumps
forbid_dumps()
print(resource.getrlimit(resource.RLIMIT_CORE), ctypes.CDLL(None).prctl(3, 0, 0, 0, 0), flush=True)
signal.signal(signal.SIGQUIT, signal.SIG_DFL)  # a shell's background job ignores it
os.kill(os.getpid(), signal.SIGQUIT)
"""
"""3 is PR_GET_DUMPABLE; SIGQUIT dumps core where that is allowed."""


@pytest.mark.integration
@pytest.mark.skipif(sys.platform != "linux", reason="prctl(2) is Linux's")
def test_process_with_keys_dumps_no_core_and_is_read_by_no_other() -> None:
    done = subprocess.run([sys.executable, "-c", DUMP], capture_output=True, text=True, timeout=CEILING)
    assert done.stdout == "(0, 0) 0\n"
    assert done.returncode == -3


SHORT = """
import time
from assay_oracle.cli.process_limits import limit_cpu
ticks = lambda: time.clock_gettime(6)  # CLOCK_MONOTONIC_COARSE, which each tick moves
end = time.monotonic() + 4
while time.monotonic() < end:
    limit_cpu(1)
    for _ in range(8):
        last = ticks()
        while ticks() == last:
            pass
        time.sleep(0.0025)
print("lived")
"""
"""Sleeps between the scheduler's ticks and works across them, so that each tick is counted as its own."""

LIFTED = """
import signal, time
from assay_oracle.cli.process_limits import limit_cpu
def burn(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass
limit_cpu(0.2)
limit_cpu(0)
burn(0.5)
signal.signal(signal.SIGPROF, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGPROF})
print("lived", flush=True)
limit_cpu(0.2)
burn(5)
print("and lived")
"""


@pytest.mark.integration
def test_limit_holds_until_the_answer_and_whatever_the_parent_left() -> None:
    done = subprocess.run([sys.executable, "-c", LIFTED], capture_output=True, text=True, timeout=CEILING)
    assert (done.stdout, done.returncode) == ("lived\n", -signal.SIGPROF)


@pytest.mark.integration
@pytest.mark.skipif(sys.platform != "linux", reason="the clock is Linux's")
def test_time_that_earlier_requests_took_ends_no_later_one() -> None:
    """Once the kernel's count of ticks was 10 s ahead of the exact time, the process was ended, as if by the file."""
    done = subprocess.run([sys.executable, "-c", SHORT], capture_output=True, text=True, timeout=CEILING)
    assert (done.stdout, done.returncode) == ("lived\n", 0)
