"""Appraisals of growing offers: time and memory over the number of records, and what a second Dask worker brings."""
