"""How programs write numbers and times as text: one reading of each, or none."""
