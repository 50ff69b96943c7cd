"""Benchmarks of the product against ground truth and against other libraries. Optional to install."""
