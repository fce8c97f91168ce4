"""The table of OpenAI-compatible providers: where each is, how it knows us, what it takes and what it lacks."""

from __future__ import annotations

import json
from typing import Any

import pytest

from router_core import errors
from router_core.config.providers import variables_of
from router_core.providers import PROVIDERS, Call
from router_core.providers.base import Kind
from router_core.providers.compatible import COMPATIBLE
from router_core.providers.matrix import PLAIN
from router_core.providers.servers import SERVERS
from tests.http.deployed import Straight, adapter

MESSAGES = [{"role": "user", "content": "hello"}]
BASES = {
    "cerebras": "https://api.cerebras.ai/v1",
    "deepinfra": "https://api.deepinfra.com/v1/openai",
    "deepseek": "https://api.deepseek.com",
    "fireworks_ai": "https://api.fireworks.ai/inference/v1",
    "github": "https://models.github.ai/inference",
    "groq": "https://api.groq.com/openai/v1",
    "hyperbolic": "https://api.hyperbolic.xyz/v1",
    "jina_ai": "https://api.jina.ai/v1",
    "moonshot": "https://api.moonshot.ai/v1",
    "nebius": "https://api.tokenfactory.nebius.com/v1",
    "novita": "https://api.novita.ai/v3/openai",
    "nvidia_nim": "https://integrate.api.nvidia.com/v1",
    "ollama": "http://localhost:11434/v1",
    "ollama_chat": "http://localhost:11434/v1",
    "openrouter": "https://openrouter.ai/api/v1",
    "perplexity": "https://api.perplexity.ai",
    "sambanova": "https://api.sambanova.ai/v1",
    "together_ai": "https://api.together.ai/v1",
    "voyage": "https://api.voyageai.com/v1",
    "xai": "https://api.x.ai/v1",
}
OWN = sorted({row.name for row in (*COMPATIBLE, *SERVERS)} - BASES.keys())


def sent(model: str, kind: Kind = "chat", params: dict[str, Any] | None = None, **body: Any) -> Any:
    request = adapter(model, api_key="k", **(params or {})).request(Call(kind, {**PLAIN[kind], **body}))
    return json.loads(request.content)


@pytest.mark.parametrize("provider", BASES)
def test_a_provider_is_where_it_is_and_gets_its_key_from_its_variable(provider: str) -> None:
    environ = {variables_of(provider, "KEY")[-1]: "key-from-its-variable"}
    kind: Kind = "chat" if "chat" in PROVIDERS[provider].dialects else "embedding"
    request = adapter(f"{provider}/vendor/model", environ).request(Call(kind, PLAIN[kind]))
    assert str(request.url) == BASES[provider] + ("/chat/completions" if kind == "chat" else "/embeddings")
    assert request.headers["authorization"] == "Bearer key-from-its-variable"
    assert json.loads(request.content)["model"] == "vendor/model"


@pytest.mark.parametrize("provider", [name for name in BASES if not name.startswith("ollama")])
async def test_a_provider_without_a_key_says_which_variable_it_looked_for(provider: str) -> None:
    kind: Kind = "chat" if "chat" in PROVIDERS[provider].dialects else "embedding"
    with pytest.raises(errors.AuthenticationError, match=variables_of(provider, "KEY")[0]) as caught:
        await adapter(f"{provider}/m").answer(Call(kind, PLAIN[kind]), Straight())
    assert (caught.value.llm_provider, caught.value.retryable) == (provider, True)


@pytest.mark.parametrize("provider", OWN)
def test_a_server_of_ones_own_needs_an_address_and_no_key(provider: str) -> None:
    with pytest.raises(errors.ConfigurationError, match=rf"{provider} needs an api_base.*{provider.upper()[:6]}"):
        adapter(f"{provider}/m")
    request = adapter(f"{provider}/m", api_base="http://127.0.0.1:8000/v1").request(Call("chat", PLAIN["chat"]))
    assert str(request.url) == "http://127.0.0.1:8000/v1/chat/completions"
    assert "authorization" not in request.headers


@pytest.mark.parametrize(
    "base", ["http://127.0.0.1:1", "http://127.0.0.1:1/", "http://127.0.0.1:1/v1", "http://127.0.0.1:1/api"]
)
@pytest.mark.parametrize("provider", ["ollama", "ollama_chat", "hosted_vllm", "huggingface", "lm_studio", "llamafile"])
def test_a_servers_address_alone_is_enough(provider: str, base: str) -> None:
    request = adapter(f"{provider}/m", api_base=base).request(Call("chat", PLAIN["chat"]))
    assert str(request.url) == "http://127.0.0.1:1/v1/chat/completions"


def test_whatever_has_only_an_address_gets_what_the_caller_writes() -> None:
    call = Call("chat", {"messages": MESSAGES, "thinking": {"type": "enabled"}, "max_tokens": 5, "top_k": 3})
    body = json.loads(adapter("llama-3", api_base="http://127.0.0.1:1/v1").request(call).content)
    assert body == {**call.body, "model": "llama-3"}


@pytest.mark.parametrize(
    ("provider", "lacking"),
    [
        ("groq", {"logprobs": True}),
        ("groq", {"n": 2}),
        ("deepseek", {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {}}}}),
        ("deepseek", {"logit_bias": {"1": 1}}),
        ("perplexity", {"tools": [{"type": "function", "function": {"name": "f"}}]}),
        ("ollama", {"tool_choice": "required"}),
        ("ollama", {"num_ctx": 8192}),
        ("moonshot", {"tool_choice": "required"}),
        ("xai", {"logit_bias": {"1": 1}}),
        ("together_ai", {"parallel_tool_calls": False}),
        ("openai", {"thinking": {"type": "enabled"}}),
        ("groq", {"thinking": {"type": "enabled"}}),
        ("hosted_vllm", {"store": True}),
    ],
)
def test_what_a_provider_lacks_is_named_or_dropped(provider: str, lacking: dict[str, Any]) -> None:
    (name,) = lacking
    params: Any = {"api_base": "http://127.0.0.1:1/v1"} if provider == "hosted_vllm" else {}
    with pytest.raises(errors.UnsupportedParamsError, match=f"{provider} does not support {name}"):
        sent(f"{provider}/m", params=params, **lacking)
    assert name not in sent(f"{provider}/m", params=params, drop_params=True, **lacking)


@pytest.mark.parametrize(
    ("provider", "given"),
    [
        ("groq", {"n": 1, "reasoning_format": "parsed"}),
        ("deepseek", {"thinking": {"type": "enabled"}, "response_format": {"type": "json_object"}}),
        ("openrouter", {"provider": {"sort": "price"}, "reasoning": {"max_tokens": 2000}}),
        ("perplexity", {"search_domain_filter": ["example.com"]}),
        ("ollama", {"tool_choice": "auto", "reasoning": {"effort": "low"}}),
        ("fireworks_ai", {"top_k": 3, "min_p": 0.1}),
        ("hosted_vllm", {"guided_json": {}, "top_k": 3}),
    ],
)
def test_what_a_provider_has_and_openai_lacks_passes_through(provider: str, given: dict[str, Any]) -> None:
    params: Any = {"api_base": "http://127.0.0.1:1/v1"} if provider == "hosted_vllm" else {}
    assert given.items() <= sent(f"{provider}/m", params=params, **given).items()


@pytest.mark.parametrize("provider", ["deepseek", "together_ai", "perplexity", "ollama", "sambanova"])
def test_servers_that_only_know_max_tokens_get_it(provider: str) -> None:
    body = sent(f"{provider}/m", max_completion_tokens=5)
    assert (body["max_tokens"], "max_completion_tokens" in body) == (5, False)


@pytest.mark.parametrize(
    ("provider", "name"),
    [("deepseek", "reasoning_content"), ("groq", "reasoning"), ("openrouter", "reasoning"), ("together_ai", None)],
)
def test_earlier_reasoning_goes_back_to_who_takes_it(provider: str, name: str | None) -> None:
    said = {"role": "assistant", "content": "4", "reasoning_content": "hm"}
    (back,) = sent(f"{provider}/m", messages=[said])["messages"]
    assert back == {"role": "assistant", "content": "4", **({name: "hm"} if name else {})}


def test_embeddings_are_asked_for_in_each_providers_words() -> None:
    asked: dict[str, Any] = {"dimensions": 5, "encoding_format": "float"}
    assert sent("voyage/m", "embedding", **asked) == {"input": "hello", "output_dimension": 5, "model": "m"}
    assert sent("jina_ai/m", "embedding", **asked) == {"input": "hello", "dimensions": 5, "model": "m"}
    request = adapter("perplexity/m", api_key="k").request(Call("embedding", {"input": "hello", **asked}))
    assert str(request.url) == "https://api.perplexity.ai/v1/embeddings"
    assert json.loads(request.content) == {"input": "hello", "dimensions": 5, "model": "m"}
    with pytest.raises(errors.UnsupportedParamsError, match="together_ai does not support dimensions"):
        sent("together_ai/m", "embedding", **asked)


def test_a_kind_that_is_nowhere_is_named_with_those_that_are() -> None:
    with pytest.raises(errors.BadRequestError, match="voyage has no chat calls here"):
        sent("voyage/m")


def test_a_class_as_response_format_becomes_its_schema_for_every_provider() -> None:
    from pydantic import BaseModel

    class City(BaseModel):
        name: str

    body = sent("xai/m", response_format=City)
    assert body["response_format"]["json_schema"]["name"] == "City"
    assert body["response_format"]["json_schema"]["schema"]["additionalProperties"] is False
