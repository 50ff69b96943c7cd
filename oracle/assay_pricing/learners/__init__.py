"""Learners: families of models that learn records from nothing, each at a capacity of its own.

To add a family, put its class into one file of this folder and into ``selection.FAMILIES``.
"""
