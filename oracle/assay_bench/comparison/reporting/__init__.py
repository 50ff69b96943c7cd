"""The report of a run: figures over seeds, the Markdown pages, the plots, and lines for the terminal."""
