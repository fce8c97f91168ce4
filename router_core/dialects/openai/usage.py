"""Usage as OpenAI has it, from where compatible servers put the same numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Where the cached part of the prompt is counted, besides prompt_tokens_details: DeepSeek; Moonshot and Together.
_CACHED = ("prompt_cache_hit_tokens", "cached_tokens")


def usage(counted: Any) -> dict[str, Any] | None:
    """The three counts, of which one may be worked out, and their details; what else was counted stays.

    None where two are unknown: unknown is never 0.
    """
    if not counted:
        return None
    sent, made, total = counted.get("prompt_tokens"), counted.get("completion_tokens"), counted.get("total_tokens")
    if sent is None and made is not None and total is not None:
        sent = total - made
    if made is None and sent is not None and total is not None:
        made = total - sent
    if sent is None or made is None:
        return None
    total = sent + made if total is None else total
    thought = _reasoning(counted)
    if thought and total == sent + made + thought:
        made += thought  # xAI counts what it thought beside what it said; OpenAI counts it in
    shaped = {**counted, "prompt_tokens": sent, "completion_tokens": made, "total_tokens": total}
    _put(shaped, "prompt_tokens_details", "cached_tokens", _cached(counted))
    _put(shaped, "completion_tokens_details", "reasoning_tokens", thought)
    written = (shaped.get("prompt_tokens_details") or {}).get("cache_write_tokens")
    if written is not None:
        shaped.setdefault("cache_creation_input_tokens", written)
        shaped.setdefault("cache_read_input_tokens", _cached(shaped) or 0)
    return shaped


def embedding_usage(counted: Any) -> dict[str, Any] | None:
    """Nothing is generated, so that all tokens are the prompt's."""
    if not counted:
        return None
    sent, total = counted.get("prompt_tokens"), counted.get("total_tokens")
    if sent is None and total is None:
        return None
    sent, total = total if sent is None else sent, sent if total is None else total
    return {**counted, "prompt_tokens": sent, "total_tokens": total}


def _cached(counted: Mapping[str, Any]) -> int | None:
    found = (counted.get("prompt_tokens_details") or {}).get("cached_tokens")
    return found if found is not None else next((n for n in map(counted.get, _CACHED) if n is not None), None)


def _reasoning(counted: Mapping[str, Any]) -> int | None:
    found: int | None = (counted.get("completion_tokens_details") or {}).get("reasoning_tokens")
    return found if found is not None else counted.get("reasoning_tokens")


def _put(shaped: dict[str, Any], details: str, name: str, number: int | None) -> None:
    if number is not None and (shaped.get(details) or {}).get(name) is None:
        shaped[details] = {**(shaped.get(details) or {}), name: number}
