"""Usage is read from every shape an answer has; what is not said is unknown, never 0."""

from __future__ import annotations

from typing import Any

import pytest

from router_core.costs.usage import Usage, usage_of
from router_core.providers.base import Call

OPENAI = {
    "prompt_tokens": 100,
    "completion_tokens": 50,
    "prompt_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 5, "audio_tokens": 7},
    "completion_tokens_details": {"reasoning_tokens": 20, "audio_tokens": 3},
}
RESPONSES = {
    "input_tokens": 100,
    "output_tokens": 50,
    "input_tokens_details": {"cached_tokens": 60},
    "output_tokens_details": {"reasoning_tokens": 20},
}
ANTHROPIC = {
    "input_tokens": 35,
    "output_tokens": 50,
    "cache_read_input_tokens": 60,
    "cache_creation_input_tokens": 5,
    "cache_creation": {"ephemeral_5m_input_tokens": 2, "ephemeral_1h_input_tokens": 3},
}


@pytest.mark.parametrize(
    ("usage", "sent", "made", "parts"),
    [
        ({"prompt_tokens": 7, "completion_tokens": 3}, 7, 3, {}),
        (
            OPENAI,
            100,
            50,
            {"cached": 60, "cache_write": 5, "input_audio": 7, "reasoning": 20, "output_audio": 3},
        ),
        (RESPONSES, 100, 50, {"cached": 60, "reasoning": 20}),
        (ANTHROPIC, 100, 50, {"cached": 60, "cache_write": 2, "cache_write_1h": 3}),
        ({"prompt_tokens": 8, "total_tokens": 8}, 8, 0, {}),  # embeddings
        ({"total_tokens": 8}, 8, 0, {}),  # a ranking
        ({"input_tokens": 9, "output_tokens": 4, "input_token_details": {"audio_tokens": 8}}, 9, 4, {"input_audio": 8}),
        ({"prompt_tokens": 5, "completion_tokens": None}, 5, None, {}),
        ({"prompt_tokens": 9, "completion_tokens": 1, "cache_read_input_tokens": 16}, 9, 1, {"cached": 9}),  # Grok
        ({"prompt_tokens": -1, "completion_tokens": True}, None, None, {}),
    ],
)  # fmt: skip
def test_tokens_in_every_shape(
    usage: dict[str, Any], sent: int | None, made: int | None, parts: dict[str, int]
) -> None:
    found = usage_of({"usage": usage})
    assert (found.sent, found.made, found.parts) == (sent, made, parts)


@pytest.mark.parametrize("answer", [None, {}, {"usage": None}, {"usage": {}}, {"choices": []}])
def test_no_usage_is_unknown(answer: dict[str, Any] | None) -> None:
    assert usage_of(answer) == Usage()


def test_what_is_no_token() -> None:
    searched = {"input_tokens": 1, "output_tokens": 1, "server_tool_use": {"web_search_requests": 2}}
    assert usage_of({"usage": searched}).extras == {"searches": 2}
    assert usage_of({"text": "x", "duration": 2.5}).extras == {"audio_ms": 2500}
    assert usage_of({"text": "x", "usage": {"type": "duration", "seconds": 3}}).extras == {"audio_ms": 3000}
    ranked = {"results": [], "meta": {"billed_units": {"search_units": 1}}}
    assert usage_of(ranked).extras == {"searches": 1}
    assert usage_of({"data": [{}, {}]}, Call("image_generation", {"prompt": "a"})).extras == {"images": 2}
    assert usage_of({}, Call("speech", {"input": "hello"})).extras == {"characters": 5}
    assert usage_of({}, Call("chat", {"input": "hello"})).extras == {}


def test_tokens_that_are_paid_for_may_be_others() -> None:
    """Cohere counts the prompts it adds, and does not charge for them."""
    cohere = {"prompt_tokens": 500, "completion_tokens": 9, "billed_units": {"input_tokens": 6, "output_tokens": 8}}
    found = usage_of({"usage": cohere})
    assert (found.sent, found.made, found.billed) == (500, 9, (6, 8))


@pytest.mark.parametrize(
    ("usage", "nano"),
    [
        ({"cost": 0.00123}, 1_230_000),
        ({"cost": {"total_cost": 0.005}}, 5_000_000),
        ({"cost": 1e-10}, 1),
        ({"cost": 0.1, "is_byok": True}, None),
        ({"cost": -1}, None),
        ({"cost": "free"}, None),
        ({}, None),
    ],
)
def test_a_cost_that_the_provider_states(usage: dict[str, Any], nano: int | None) -> None:
    assert usage_of({"usage": {"prompt_tokens": 1, "completion_tokens": 1, **usage}}).stated_nano == nano


def test_the_service_tier_of_the_answer_or_of_its_usage() -> None:
    usage = {"prompt_tokens": 1, "completion_tokens": 1}
    assert usage_of({"usage": usage, "service_tier": "priority"}).service_tier == "priority"
    assert usage_of({"usage": usage, "service_tier": "default"}).service_tier is None
    assert usage_of({"usage": {**usage, "service_tier": "standard", "speed": "fast"}}).service_tier == "fast"
