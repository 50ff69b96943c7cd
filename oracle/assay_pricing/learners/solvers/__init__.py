"""Training to the optimum, where libraries take longer than it needs."""
