"""The commands of ``assay``, one module for each concern; ``assay.cli.main`` lists them."""
