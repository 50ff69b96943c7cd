"""The commands of ``assay-oracle``, one module for each concern."""
