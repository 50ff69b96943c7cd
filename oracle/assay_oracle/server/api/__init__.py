"""HTTP: requests to services, errors to problem details. Nothing is decided here."""
