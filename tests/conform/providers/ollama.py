"""Ollama's recordings, of its cloud."""

from __future__ import annotations

from tests.conform.providers import _openai

SDK = _openai.SDK
call_of = _openai.calls("ollama", api_base="https://ollama.com")
oracle = _openai.oracle
significant = _openai.significant
seen = _openai.seen
