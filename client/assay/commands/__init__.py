"""The commands of ``assay``, a module for each concern."""
