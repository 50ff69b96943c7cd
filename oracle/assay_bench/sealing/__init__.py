"""Sealing, opening and verifying against what the same libraries could do at best, and beside other programs."""
