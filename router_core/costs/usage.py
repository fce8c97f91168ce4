"""What a call used, read from an answer in whatever shape its API has: OpenAI's, Anthropic's, Cohere's.

`sent` and `made` are all tokens that went in and came out. `parts` are those among them that some providers price
apart; no token is in two of them. `extras` is what is no token: searches, images, characters, time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, Decimal
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from router_core.providers.base import Call

Unit = Literal[
    # tokens that went in
    "input", "cached", "cache_write", "cache_write_1h", "input_audio", "input_image",
    # tokens that came out
    "output", "reasoning", "output_audio", "output_image", "citations",
    # no tokens
    "requests", "searches", "images", "characters", "audio_ms",
]  # fmt: skip
INPUT: Final = frozenset({"cached", "cache_write", "cache_write_1h", "input_audio", "input_image"})

_INTO = ("prompt_tokens_details", "input_tokens_details", "input_token_details")
_OUT = ("completion_tokens_details", "output_tokens_details", "output_token_details")
_PARTS_INTO: Mapping[str, Unit] = {"audio_tokens": "input_audio", "image_tokens": "input_image"}
_PARTS_OUT: Mapping[str, Unit] = {
    "reasoning_tokens": "reasoning", "audio_tokens": "output_audio", "image_tokens": "output_image",
}  # fmt: skip
_CACHED = ("cached_tokens", "cache_read_input_tokens")
_WRITTEN = ("cache_write_tokens", "cache_creation_input_tokens")
_SEARCHES = ("num_search_queries", "search_units")
_USUAL_TIERS = frozenset({"default", "auto", "standard", "on_demand"})
_NOTHING: Mapping[str, Any] = {}


@dataclass(slots=True)
class Usage:
    """Counts; None and absent are unknown, never 0.

    `billed`: tokens that are paid for, in and out, where those are others than were counted. `stated_nano`: what the
    provider says it costs.
    """

    sent: int | None = None
    made: int | None = None
    parts: Mapping[Unit, int] = field(default_factory=dict)
    extras: Mapping[Unit, int] = field(default_factory=dict)
    billed: tuple[int, int] | None = None
    stated_nano: int | None = None
    service_tier: str | None = None


def usage_of(answer: Mapping[str, Any] | None, call: Call | None = None) -> Usage:
    """What `answer` says was used. `call`: for what only the request tells, such as the characters of a speech."""
    if answer is None:
        return Usage()
    usage = answer.get("usage") or _billed(answer)
    extras = _extras(answer, usage, call)
    if not usage:
        return Usage(extras=extras)
    into = _details(usage, _INTO)
    cached, written = _first(into, usage, _CACHED), _first(into, usage, _WRITTEN)
    if "prompt_tokens" in usage:
        sent, made = _count(usage["prompt_tokens"]), _count(usage.get("completion_tokens", 0))
    else:
        given = usage.get("input_tokens", None if "output_tokens" in usage else usage.get("total_tokens"))
        sent, made = _count(given), _count(usage.get("output_tokens", 0))
        if sent is not None and ("cache_read_input_tokens" in usage or "cache_creation_input_tokens" in usage):
            sent += cached + written  # Anthropic counts them beside
    cached = min(cached, sent or 0)  # some count more cached tokens than there were
    return Usage(
        sent=sent,
        made=made,
        parts=_parts(usage, into, cached, written),
        extras=extras,
        billed=_paid(usage) if "billed_units" in usage else None,
        stated_nano=_stated(usage) if "cost" in usage else None,
        service_tier=_tier(answer, usage),
    )


def _parts(usage: Mapping[str, Any], into: Mapping[str, Any], cached: int, written: int) -> Mapping[Unit, int]:
    parts: dict[Unit, int] = {}
    if cached:
        parts["cached"] = cached
    if written:
        lasting = min(_count(_details(usage, ("cache_creation",)).get("ephemeral_1h_input_tokens")) or 0, written)
        if lasting:
            parts["cache_write_1h"] = lasting
        if written > lasting:
            parts["cache_write"] = written - lasting
    for details, names in ((into, _PARTS_INTO), (_details(usage, _OUT), _PARTS_OUT)):
        for name in details:
            if name in names and (count := _count(details[name])):
                parts[names[name]] = count
    if citations := _count(usage.get("citation_tokens")):
        parts["citations"] = citations
    return parts


def _extras(answer: Mapping[str, Any], usage: Mapping[str, Any], call: Call | None) -> Mapping[Unit, int]:
    found: dict[Unit, int] = {}
    given = _details(usage, ("server_tool_use",)).get("web_search_requests")
    searches = _count(next((usage[name] for name in _SEARCHES if name in usage), given))
    if searches is not None:
        found["searches"] = searches
    seconds = usage.get("seconds", answer.get("duration"))
    if isinstance(seconds, int | float) and seconds >= 0:
        found["audio_ms"] = round(seconds * 1000)
    if call is not None and call.kind in ("image_generation", "image_edit") and answer.get("data"):
        found["images"] = len(answer["data"])
    elif call is not None and call.kind == "speech" and isinstance(call.body.get("input"), str):
        found["characters"] = len(call.body["input"])
    return found


def _billed(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    """Cohere's `meta`: tokens where it counted them, search units of a ranking."""
    meta = _details(answer, ("meta",))
    return {**_details(meta, ("tokens",)), **_details(meta, ("billed_units",))}


def _tier(answer: Mapping[str, Any], usage: Mapping[str, Any]) -> str | None:
    """OpenAI's service tier, Anthropic's speed; None for the usual one."""
    for name in (usage.get("speed"), answer.get("service_tier"), usage.get("service_tier")):
        if isinstance(name, str) and name not in _USUAL_TIERS:
            return name
    return None


def _paid(usage: Mapping[str, Any]) -> tuple[int, int] | None:
    """Cohere's billed tokens: it does not charge for the prompts it adds."""
    billed = _details(usage, ("billed_units",))
    sent = _count(billed.get("input_tokens"))
    return None if sent is None else (sent, _count(billed.get("output_tokens")) or 0)


def _stated(usage: Mapping[str, Any]) -> int | None:
    """OpenRouter's `cost`, Perplexity's `cost.total_cost`, in dollars. Of a key of one's own it tells but the fee."""
    cost = usage["cost"]
    if isinstance(cost, Mapping):
        cost = cost.get("total_cost")
    if isinstance(cost, bool) or not isinstance(cost, int | float) or cost < 0 or usage.get("is_byok"):
        return None
    return int((Decimal(repr(cost)) * 10**9).to_integral_value(ROUND_CEILING))


def _details(holder: Mapping[str, Any], names: tuple[str, ...]) -> Mapping[str, Any]:
    """The first of these sub-objects that is there."""
    for name in names:
        if name in holder and isinstance(holder[name], Mapping):
            found: Mapping[str, Any] = holder[name]
            return found
    return _NOTHING


def _first(details: Mapping[str, Any], usage: Mapping[str, Any], names: tuple[str, ...]) -> int:
    """The count of this name in the details, else in the usage; 0 where it is nowhere."""
    for holder in (details, usage):
        for name in names:
            if name in holder and (count := _count(holder[name])):
                return count
    return 0


def _count(value: Any) -> int | None:
    return value if type(value) is int and value >= 0 else None
