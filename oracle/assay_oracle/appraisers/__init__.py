"""Implementations of the port ``Appraiser``; the command that starts the daemon chooses one."""
