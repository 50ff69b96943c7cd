"""The report of a run: figures from results, summary against goals, Markdown page, plots."""
