"""The command line of ``assay``: how commands are found, read their options and print."""
