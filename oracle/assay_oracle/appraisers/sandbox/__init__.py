"""What a pricing process may not do, whatever a stranger's file makes of it: files by Landlock, calls by seccomp.

Both are a process's own act, need no privilege, and last until it ends. They come before its first thread, and before
anything of a stranger is read.
"""

import os
from collections.abc import Iterable

from assay_oracle.appraisers.sandbox import landlock, seccomp


def enter(folders: Iterable[str]) -> tuple[str, ...]:
    """Confines this process: it reads the Python installation and ``folders`` and nothing else, and changes nothing.

    It has no network, starts no process, and sends no signal to another.

    Returns:
        Names of what holds: ``Landlock``, ``seccomp``; the system may lack one or both.
    """
    held = {landlock.NAME: landlock.restrict(folders), seccomp.NAME: seccomp.restrict()}
    os.chdir("/")  # not before: the current folder is a part of Python's path
    return tuple(name for name, holds in held.items() if holds)


def missing() -> tuple[str, ...]:
    """Names of what this system lacks."""
    available = {landlock.NAME: landlock.version() > 0, seccomp.NAME: seccomp.library() is not None}
    return tuple(name for name, has in available.items() if not has)
