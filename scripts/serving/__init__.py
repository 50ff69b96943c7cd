"""How many small offers a daemon prices in a second, from the first request to the signed quote, and how fast."""
