"""Recordings of xai."""

from __future__ import annotations

from tests.conform.providers import _openai

SDK = _openai.SDK
call_of = _openai.calls("xai")
oracle = _openai.oracle
significant = _openai.significant
seen = _openai.seen
