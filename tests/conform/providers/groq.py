"""Groq's recordings."""

from __future__ import annotations

from tests.conform.kit import Recording
from tests.conform.providers import _openai

SDK = _openai.SDK
call_of = _openai.calls("groq")
oracle = _openai.oracle
significant = _openai.significant
seen = _openai.seen


def error_of(recording: Recording) -> str | None:
    """Groq gives up a stream whose tool call does not fit the schema."""
    return "BadRequestError" if b"event: error" in recording.response_body else None
