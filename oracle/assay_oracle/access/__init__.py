"""Who asks, for what, and how often: logins, sessions, the operator's token, rates."""
