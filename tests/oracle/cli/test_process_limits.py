"""What is in a process's memory stays there."""

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
