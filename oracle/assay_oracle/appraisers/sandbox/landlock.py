"""Landlock: which files a process may open, by rules that it gives itself.

Source: ``Documentation/userspace-api/landlock.rst`` of Linux. glibc has no functions for the three system
calls; their numbers are the same on all processors.
"""

import ctypes
import os
import stat
import sys
from collections.abc import Iterable, Iterator

NAME = "Landlock"

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION = 1
"""Flag of the first: ask for the version alone."""
_PATH_BENEATH = 1
_NO_NEW_PRIVILEGES = 38
_READ_FILE, _READ_DIR = 1 << 2, 1 << 3
_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 5: 16}
"""Number of rights on files that a version, and those after it, know."""
_TCP, _SCOPES = 0b11, 0b11
"""Bind and connect, since version 4; abstract sockets and signals of other processes, since version 6."""
_DEVICES = ("/dev/null", "/dev/urandom", "/dev/random")
_SYSTEM = (
    *("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/share/zoneinfo", "/sys/devices/system/cpu"),
    *("/etc/ld.so.cache", "/etc/localtime", "/proc/cpuinfo", "/proc/meminfo", "/sys/fs/cgroup"),
)


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scopes", ctypes.c_uint64))


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("rights", ctypes.c_uint64), ("descriptor", ctypes.c_int32))


def version() -> int:
    """Version of Landlock's interface that the kernel has; 0 if it has none."""
    if sys.platform != "linux":
        return 0
    found = _libc().syscall(_CREATE_RULESET, None, 0, _VERSION)
    return max(int(found), 0)


def restrict(folders: Iterable[str]) -> bool:
    """Lets this thread, and what it starts from now on, read the Python installation and ``folders`` alone.

    Returns:
        Whether it holds; False if the kernel has no Landlock.

    Raises:
        OSError: The kernel has it and refuses.
    """
    found = version()
    if not found:
        return False
    rights = (1 << max(count for since, count in _FILE_RIGHTS.items() if since <= found)) - 1
    rules = _Ruleset(rights, _TCP if found >= 4 else 0, _SCOPES if found >= 6 else 0)
    size = 24 if found >= 6 else 16 if found >= 4 else 8
    ruleset = _checked(_libc().syscall(_CREATE_RULESET, ctypes.byref(rules), ctypes.c_size_t(size), 0))
    try:
        for path in {*_installation(), *_SYSTEM, *_DEVICES, f"/proc/{os.getpid()}", *folders}:
            _allow_reading(ruleset, path)
        _checked(_libc().prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0))
        _checked(_libc().syscall(_RESTRICT_SELF, ruleset, 0))
    finally:
        os.close(ruleset)
    return True


def _installation() -> Iterator[str]:
    """Where Python and the packages are. The current folder, which ``python -m`` looks in, is no part of it."""
    yield from (sys.prefix, sys.base_prefix, sys.exec_prefix)
    yield from (entry for entry in sys.path if entry and os.path.realpath(entry) != os.getcwd())
    yield os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))


def _allow_reading(ruleset: int, path: str) -> None:
    """A rule for ``path`` and what is beneath it; none if it does not exist."""
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        rule = _PathBeneath(_READ_FILE | _READ_DIR if is_folder else _READ_FILE, descriptor)
        _checked(_libc().syscall(_ADD_RULE, ruleset, _PATH_BENEATH, ctypes.byref(rule), 0))
    finally:
        os.close(descriptor)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _checked(result: int) -> int:
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"cannot confine the pricing process: {os.strerror(error)}")
    return result
