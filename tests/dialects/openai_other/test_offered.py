"""Who offers what, and where: Responses of one's own or through the chat, and Azure's places."""

from __future__ import annotations

from typing import Any

import pytest

from router_core.config import load
from router_core.dialects.openai.responses import Responses
from router_core.dialects.responses_over_chat import ResponsesOverChat
from router_core.errors import UnsupportedParamsError
from router_core.providers import PROVIDERS, Call, HttpAdapter, adapter_for


def adapter(**params: Any) -> HttpAdapter:
    written = [{"model_name": "m", "litellm_params": {"api_key": "k", **params}}]
    _, (deployment,) = load(written, environ={}, providers=tuple(PROVIDERS))
    made = adapter_for(deployment)
    assert isinstance(made, HttpAdapter)
    return made


def test_who_has_a_chat_has_responses() -> None:
    for provider in PROVIDERS.values():
        assert ("responses" in provider.dialects) == ("chat" in provider.dialects)
    own = {name for name, one in PROVIDERS.items() if isinstance(one.dialects.get("responses"), Responses)}
    assert {"openai", "azure", "xai", "groq", "openrouter", "deepseek"} <= own
    assert isinstance(PROVIDERS["anthropic"].dialects["responses"], ResponsesOverChat)


@pytest.mark.parametrize(
    ("written", "url"),
    [
        ({}, "https://x.openai.azure.com/openai/v1/responses"),
        ({"api_version": "2024-10-21"}, "https://x.openai.azure.com/openai/v1/responses"),
        (
            {"api_version": "2025-04-01-preview"},
            "https://x.openai.azure.com/openai/responses?api-version=2025-04-01-preview",
        ),
        ({"api_base": "https://x.openai.azure.com/openai/v1"}, "https://x.openai.azure.com/openai/v1/responses"),
    ],
)
def test_azures_responses_are_where_its_version_has_them(written: dict[str, Any], url: str) -> None:
    azure = adapter(**{"model": "azure/mine", "api_base": "https://x.openai.azure.com", **written})
    request = azure.request(Call("responses", {"input": "hello"}))
    assert str(request.url) == url
    assert b'"model":"mine"' in request.content


def test_azures_audio_belongs_to_a_deployment() -> None:
    azure = adapter(model="azure/mine", api_base="https://x.openai.azure.com", api_version="2024-10-21")
    request = azure.request(Call("transcription", {"file": ("a.mp3", b"ID3", "audio/mpeg")}))
    assert request.url.path == "/openai/deployments/mine/audio/transcriptions"


@pytest.mark.parametrize("model", ["groq/m", "openrouter/m", "deepseek/m", "anthropic/m", "cerebras/m"])
def test_who_remembers_nothing_says_so(model: str) -> None:
    with pytest.raises(UnsupportedParamsError) as caught:
        adapter(model=model).request(Call("responses", {"input": "hello", "previous_response_id": "r", "store": True}))
    assert caught.value.params == ("previous_response_id", "store")
