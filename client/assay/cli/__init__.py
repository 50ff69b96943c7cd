"""The commands of ``assay``, one module for each concern."""
