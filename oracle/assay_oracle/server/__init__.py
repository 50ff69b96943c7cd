"""The process: HTTP, loops, checks before the start."""
