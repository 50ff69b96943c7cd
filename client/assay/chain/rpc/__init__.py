"""JSON-RPC over HTTP: one endpoint, and several that must agree."""
