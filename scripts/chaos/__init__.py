"""Faults in the middle of sales: processes, lines, nodes, disks and clocks fail; no sale may be lost or doubled."""
