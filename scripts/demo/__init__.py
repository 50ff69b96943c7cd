"""The demonstration: one model owner, ten sellers, a real chain, a real oracle. ``make demo`` runs it."""
