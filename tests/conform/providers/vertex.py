"""Vertex AI speaks as AI Studio does; see gemini.py."""

from tests.conform.providers.gemini import SDK, call_of, oracle, path_of, significant, significant_query

__all__ = ["SDK", "call_of", "oracle", "path_of", "significant", "significant_query"]
