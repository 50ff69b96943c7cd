"""The oracle as its clients ask it: requests, sessions, transfers that resume."""
