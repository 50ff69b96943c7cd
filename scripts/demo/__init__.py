"""The demonstration: one model owner, eleven sellers, a real chain, a real oracle. ``make demo`` runs it."""
