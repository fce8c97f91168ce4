"""Cohere's wire formats, version 2 of its API."""
