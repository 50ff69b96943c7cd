"""The paper's comparison: every approach to a trade of data, run on the same trade and measured in the same columns."""
