"""seccomp: which system calls a process may make, by libseccomp, which knows their numbers on every processor.

Calls that pricing has no use for end in ``EPERM``. What changes files is refused here as well, for kernels without
Landlock, and because Landlock does not see modes, owners and times.
"""

import ctypes
import errno
import os
from collections.abc import Iterator
from functools import cache

NAME = "seccomp"

_LIBRARY = "libseccomp.so.2"
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_NOT_EQUAL, _EQUAL, _MASKED_EQUAL = 1, 4, 7
_ALL_THREADS = 4
"""Attribute of a filter."""
_CLONE_THREAD = 0x10000
_INJECT, _CONSOLE = 0x5412, 0x541C
"""``TIOCSTI`` and ``TIOCLINUX``: type into the operator's terminal."""

_NETWORK = "socket socketcall connect bind listen accept accept4 io_uring_setup io_uring_enter io_uring_register"
_PROCESSES = (
    "execve execveat fork vfork ptrace process_vm_readv process_vm_writev process_madvise process_mrelease pidfd_open"
    " pidfd_getfd pidfd_send_signal kcmp tkill rt_sigqueueinfo rt_tgsigqueueinfo setpriority sched_setscheduler"
    " sched_setparam sched_setattr ioprio_set move_pages migrate_pages"
)
_FILES = (
    "creat truncate ftruncate unlink unlinkat rename renameat renameat2 mkdir mkdirat rmdir link linkat symlink"
    " symlinkat mknod mknodat chmod fchmod fchmodat fchmodat2 chown fchown lchown fchownat utime utimes utimensat"
    " futimesat setxattr lsetxattr fsetxattr setxattrat removexattr lremovexattr fremovexattr removexattrat"
    " name_to_handle_at open_by_handle_at"
)
_SYSTEM = (
    "mount umount2 pivot_root chroot fsopen fsconfig fsmount fspick move_mount open_tree mount_setattr unshare setns"
    " bpf perf_event_open userfaultfd add_key request_key keyctl init_module finit_module delete_module kexec_load"
    " kexec_file_load reboot swapon swapoff acct quotactl settimeofday clock_settime clock_adjtime adjtimex"
    " sethostname setdomainname iopl ioperm modify_ldt personality syslog setuid setgid setreuid setregid setresuid"
    " setresgid setgroups setfsuid setfsgid capset shmget shmat shmctl msgget msgsnd msgrcv msgctl semget semop"
    " semtimedop semctl mq_open mq_unlink"
)


class _Comparison(ctypes.Structure):
    _fields_ = (
        ("argument", ctypes.c_uint),
        ("operator", ctypes.c_int),
        ("first", ctypes.c_uint64),
        ("second", ctypes.c_uint64),
    )


@cache
def library() -> ctypes.CDLL | None:
    """libseccomp; None if it is not installed, or the system is not Linux."""
    try:
        found = ctypes.CDLL(_LIBRARY)
    except OSError:
        return None
    found.seccomp_init.restype = ctypes.c_void_p
    found.seccomp_init.argtypes = [ctypes.c_uint32]
    found.seccomp_attr_set.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_uint32]
    found.seccomp_syscall_resolve_name.argtypes = [ctypes.c_char_p]
    found.seccomp_rule_add_array.argtypes = [
        ctypes.c_void_p,
        ctypes.c_uint32,
        ctypes.c_int,
        ctypes.c_uint,
        ctypes.POINTER(_Comparison),
    ]
    found.seccomp_load.argtypes = [ctypes.c_void_p]
    found.seccomp_release.argtypes = [ctypes.c_void_p]
    found.seccomp_release.restype = None
    return found


def restrict() -> bool:
    """Refuses this process what pricing has no use for.

    Returns:
        Whether it holds; False without libseccomp, or in a kernel without seccomp.

    Raises:
        OSError: A rule was not accepted.
    """
    made = library()
    if made is None:
        return False
    context = made.seccomp_init(_ALLOW)
    if not context:
        return False
    try:
        made.seccomp_attr_set(context, _ALL_THREADS, 1)
        for name, error, comparisons in _rules():
            number = made.seccomp_syscall_resolve_name(name.encode())
            if number < 0:
                continue  # a call that this processor, or this version of the library, does not know
            array = (_Comparison * len(comparisons))(*comparisons)
            if made.seccomp_rule_add_array(context, _ERRNO | error, number, len(comparisons), array):
                raise OSError(f"cannot confine the pricing process: seccomp takes no rule for {name}")
        return not made.seccomp_load(context)
    finally:
        made.seccomp_release(context)


def _rules() -> Iterator[tuple[str, int, tuple[_Comparison, ...]]]:
    """System calls, the errors that they end in, and the arguments with which they do; all of these must match."""
    for name in " ".join((_NETWORK, _PROCESSES, _FILES, _SYSTEM)).split():
        yield name, errno.EPERM, ()
    # Their arguments are out of a filter's sight. Without them, libraries call clone and openat.
    yield "clone3", errno.ENOSYS, ()
    yield "openat2", errno.ENOSYS, ()
    yield "clone", errno.EPERM, (_Comparison(0, _MASKED_EQUAL, _CLONE_THREAD, 0),)
    for name, flags in (("open", 1), ("openat", 2)):
        for mask, value in (
            (os.O_ACCMODE, os.O_WRONLY),
            (os.O_ACCMODE, os.O_RDWR),
            (os.O_CREAT, os.O_CREAT),
            (os.O_TRUNC, os.O_TRUNC),
        ):
            yield name, errno.EPERM, (_Comparison(flags, _MASKED_EQUAL, mask, value),)
    for name in ("kill", "tgkill"):
        yield name, errno.EPERM, (_Comparison(0, _NOT_EQUAL, os.getpid(), 0),)
    for name in ("prlimit64", "sched_setaffinity"):  # 0 is the caller
        yield name, errno.EPERM, (_Comparison(0, _NOT_EQUAL, 0, 0),)
    for request in (_INJECT, _CONSOLE):
        yield "ioctl", errno.EPERM, (_Comparison(1, _EQUAL, request, 0),)
