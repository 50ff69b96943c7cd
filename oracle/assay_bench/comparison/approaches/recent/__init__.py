"""Proposals since the paper, by their idea: none of their code was run."""
