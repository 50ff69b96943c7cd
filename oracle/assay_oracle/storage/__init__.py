"""Uploads and deliveries."""
