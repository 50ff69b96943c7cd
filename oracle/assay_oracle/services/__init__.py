"""The rules of offers and orders; no HTTP, no loop, no SQL."""
