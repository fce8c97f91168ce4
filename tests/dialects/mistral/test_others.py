"""Mistral's other calls, its address and its errors."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from router_core.config import load
from router_core.dialects.mistral.completion import Completion
from router_core.providers import PROVIDERS
from router_core.providers.base import Call
from router_core.providers.classify import Origin, rejected
from router_core.providers.dialect import Reply
from tests.dialects.streamed import events, streamed

DIALECTS = PROVIDERS["mistral"].dialects


def reply(body: Any) -> Reply:
    return Reply(httpx.Headers(), json.dumps(body).encode())


def test_embeddings_have_their_dimensions_under_another_name() -> None:
    wire = DIALECTS["embedding"].encode(Call("embedding", {"input": ["a"], "dimensions": 8}), "codestral-embed")
    assert (wire.path, wire.body) == (
        "/embeddings",
        {"input": ["a"], "output_dimension": 8, "model": "codestral-embed"},
    )


def test_moderation_is_flagged_where_any_category_is() -> None:
    categories = [{"pii": True, "law": False}, {"pii": False}]
    body = {"id": "1", "results": [{"categories": one, "category_scores": {}} for one in categories]}
    answer: Any = DIALECTS["moderation"].decode(Call("moderation", {"input": ["a", "b"]}), "m", reply(body))
    assert [result.flagged for result in answer.results] == [True, False]


def test_a_gap_in_a_text_is_filled() -> None:
    asked = {"prompt": "def ", "suffix": "return x", "seed": 1, "stream_options": {"include_usage": True}}
    wire = Completion().encode(Call("completion", asked, stream=True), "codestral")
    assert wire.path == "/fim/completions"
    assert wire.body == {
        "model": "codestral",
        "prompt": "def ",
        "suffix": "return x",
        "random_seed": 1,
        "stream": True,
    }


def test_what_fills_the_gap_arrives_as_a_text() -> None:
    whole: Any = Completion().decode(
        Call("completion", {}), "m", reply({"choices": [{"message": {"content": "f(x):"}, "finish_reason": "stop"}]})
    )
    assert (whole.choices[0].text, whole.choices[0].finish_reason) == ("f(x):", "stop")
    body = events(
        {"choices": [{"delta": {"content": "f("}, "finish_reason": None}]},
        {"choices": [{"delta": {"content": "x):"}, "finish_reason": "length"}]},
    )
    chunks: Any = streamed(Completion(), Call("completion", {}, stream=True), body)
    assert [(chunk.choices[0].text, chunk.choices[0].finish_reason) for chunk in chunks] == [
        ("f(", None),
        ("x):", "length"),
    ]


@pytest.mark.parametrize(
    ("model", "base", "url"),
    [
        ("mistral/m", None, "https://api.mistral.ai/v1"),
        ("codestral/m", None, "https://codestral.mistral.ai/v1"),
        ("text-completion-codestral/m", None, "https://codestral.mistral.ai/v1"),
        ("mistral/m", "http://host:1", "http://host:1/v1"),
        ("mistral/m", "http://host:1/mistral/v1/", "http://host:1/mistral/v1"),
        ("mistral/m", "http://host:1/v1/chat/completions", "http://host:1/v1"),
    ],
)
def test_its_address_is_known_or_given(model: str, base: str | None, url: str) -> None:
    _, (deployment,) = load([{"model_name": "m", "litellm_params": {"model": model, "api_base": base}}], environ={})
    assert PROVIDERS[deployment.provider].base_of(deployment) == url


@pytest.mark.parametrize(
    ("status", "body", "name"),
    [
        (401, {"message": "Unauthorized", "request_id": "1"}, "AuthenticationError"),
        (401, {"detail": "Unauthorized"}, "AuthenticationError"),
        (400, {"object": "error", "message": "Invalid model: x", "type": "invalid_model"}, "NotFoundError"),
        (
            400,
            {
                "object": "error",
                "message": "Prompt contains 40000 tokens, too large for model with 32768 maximum context length",
                "type": "invalid_request_error",
                "code": "3051",
            },
            "ContextWindowExceededError",
        ),
        (429, {"object": "error", "message": "Rate limit exceeded", "type": "rate_limited"}, "RateLimitError"),
        (422, {"object": "error", "message": {"detail": [{"loc": ["body"], "msg": "x"}]}}, "UnprocessableEntityError"),
        (500, {"object": "error", "message": "Oops", "type": "internal_server_error"}, "InternalServerError"),
    ],
)  # fmt: skip
def test_errors_have_their_class(status: int, body: Any, name: str) -> None:
    error = rejected(Origin("mistral", "m", "d"), status, httpx.Headers(), json.dumps(body).encode())
    assert type(error).__name__ == name
