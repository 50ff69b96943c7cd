"""An offer in parts, and the records that stand for a large one."""
