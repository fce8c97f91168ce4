"""Azure: where a deployment is, whatever users write as api_base, and how it is told who asks."""

from __future__ import annotations

import asyncio
import base64
import json
import sys
import threading
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from azure.core.credentials import AccessToken

from router_core import errors
from router_core.providers import Call
from router_core.providers.base import Kind
from router_core.providers.matrix import PLAIN
from tests.http.deployed import Straight, adapter
from tests.http.server import answer, replying, serving

MESSAGES = [{"role": "user", "content": "hush-hush"}]
CHAT = Call("chat", {"messages": MESSAGES})
ANSWER = answer(b'{"choices": [{"message": {"content": "hi"}}]}')
HOST = "https://name.openai.azure.com"
FOUNDRY = "https://name.services.ai.azure.com"


@pytest.fixture
async def sender() -> AsyncIterator[Straight]:
    one = Straight()
    yield one
    await one.transport.aclose()


@pytest.fixture(autouse=True)
def _no_credentials_around(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AZURE_AD_TOKEN", "AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_SCOPE"):
        monkeypatch.delenv(name, raising=False)


def token(seconds: float, name: str = "t") -> str:
    """A JSON web token that expires in so many seconds."""
    claims = base64.urlsafe_b64encode(json.dumps({"exp": time.time() + seconds, "name": name}).encode())
    return f"eyJhbGciOiJub25lIn0.{claims.decode().rstrip('=')}.signature"


def url(model: str, kind: Kind = "chat", **params: Any) -> str:
    return str(adapter(model, api_key="k", **params).request(Call(kind, PLAIN[kind])).url)


CLASSIC = f"{HOST}/openai/deployments/my-gpt/chat/completions?api-version="


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"api_base": HOST}, CLASSIC + "2025-02-01-preview"),
        ({"api_base": f"{HOST}/", "api_version": "2024-10-21"}, CLASSIC + "2024-10-21"),
        ({"api_base": f"{HOST}/openai"}, CLASSIC + "2025-02-01-preview"),
        ({"api_base": f"{HOST}/openai/deployments/my-gpt"}, CLASSIC + "2025-02-01-preview"),
        (
            {"api_base": f"{HOST}/openai/deployments/my-gpt/chat/completions?api-version=2024-06-01"},
            CLASSIC + "2024-06-01",
        ),
        ({"api_base": f"{HOST}/openai/v1/"}, f"{HOST}/openai/v1/chat/completions"),
        ({"api_base": f"{HOST}/openai/v1", "api_version": "2024-10-21"}, f"{HOST}/openai/v1/chat/completions"),
        ({"api_base": HOST, "api_version": "v1"}, f"{HOST}/openai/v1/chat/completions"),
        ({"api_base": HOST, "api_version": "preview"}, f"{HOST}/openai/v1/chat/completions?api-version=preview"),
        (
            {"api_base": "https://gateway.example/azure", "api_version": "2024-10-21"},
            "https://gateway.example/azure/openai/deployments/my-gpt/chat/completions?api-version=2024-10-21",
        ),
    ],
)
def test_a_deployment_is_found_from_any_way_to_write_its_address(params: dict[str, Any], expected: str) -> None:
    assert url("azure/my-gpt", **params) == expected


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"api_base": FOUNDRY}, f"{FOUNDRY}/models/chat/completions?api-version=2024-05-01-preview"),
        ({"api_base": f"{FOUNDRY}/models"}, f"{FOUNDRY}/models/chat/completions?api-version=2024-05-01-preview"),
        (
            {"api_base": f"{FOUNDRY}/models/chat/completions?api-version=2025-01-01"},
            f"{FOUNDRY}/models/chat/completions?api-version=2025-01-01",
        ),
        ({"api_base": f"{FOUNDRY}/openai/v1", "api_version": "2025-01-01"}, f"{FOUNDRY}/openai/v1/chat/completions"),
        (
            {"api_base": "https://name.eastus2.models.ai.azure.com"},
            "https://name.eastus2.models.ai.azure.com/chat/completions",
        ),
    ],
)
def test_a_foundry_model_is_found_too(params: dict[str, Any], expected: str) -> None:
    assert url("azure_ai/grok", **params) == expected


def test_each_kind_of_call_has_its_path_and_the_body_names_the_deployment() -> None:
    assert "/deployments/emb%2F1/embeddings?" in url("azure/emb/1", "embedding", api_base=HOST)
    assert "/deployments/text/completions?" in url("azure/text", "completion", api_base=HOST)
    body = json.loads(adapter("azure/my-gpt", api_key="k", api_base=f"{HOST}/openai/v1").request(CHAT).content)
    assert body == {"model": "my-gpt", "messages": MESSAGES}


@pytest.mark.parametrize(
    ("model", "params", "name"),
    [
        ("azure/prod", {}, "max_tokens"),
        ("azure/gpt-5-nano", {}, "max_completion_tokens"),
        ("azure/prod", {"base_model": "azure/o3-mini"}, "max_completion_tokens"),
        ("azure/o_series/prod", {}, "max_completion_tokens"),
        ("azure/gpt5_series/prod", {}, "max_completion_tokens"),
    ],
)
def test_a_reasoning_model_behind_any_name_gets_max_completion_tokens(model: str, params: Any, name: str) -> None:
    request = adapter(model, api_key="k", api_base=HOST, **params).request(
        Call("chat", {"messages": MESSAGES, "max_tokens": 5})
    )
    body = json.loads(request.content)
    assert (body[name], body["model"]) == (5, model.rpartition("/")[2])
    assert "_series" not in str(request.url)


def test_address_key_and_version_come_from_azures_variables() -> None:
    environ = {"AZURE_API_KEY": "key-of-azure", "AZURE_API_BASE": HOST, "AZURE_API_VERSION": "2024-10-21"}
    request = adapter("azure/my-gpt", environ).request(CHAT)
    assert str(request.url) == CLASSIC + "2024-10-21"
    assert request.headers["api-key"] == "key-of-azure"
    assert "authorization" not in request.headers


def test_without_an_address_the_error_says_what_to_write() -> None:
    for provider, variable in (("azure", "AZURE_API_BASE"), ("azure_ai", "AZURE_AI_API_BASE")):
        with pytest.raises(errors.ConfigurationError, match=f"{provider} needs an api_base.*{variable}"):
            adapter(f"{provider}/m", api_key="k")


@pytest.mark.parametrize(("base", "header"), [(FOUNDRY, "api-key"), ("https://m.models.ai.azure.com", "authorization")])
def test_the_key_of_a_foundry_model_goes_where_its_address_takes_it(base: str, header: str) -> None:
    request = adapter("azure_ai/m", api_key="key-of-foundry", api_base=base).request(CHAT)
    assert "key-of-foundry" in request.headers[header]
    assert request.headers["extra-parameters"] == "pass-through"


def test_a_given_token_goes_before_the_key() -> None:
    request = adapter("azure/m", api_key="k", api_base=HOST, azure_ad_token="given-token").request(CHAT)
    assert request.headers["authorization"] == "Bearer given-token"
    assert "api-key" not in request.headers


@pytest.mark.parametrize("way", ["plain", "async", "awaitable"])
async def test_a_token_of_a_function_is_kept_until_shortly_before_it_expires(way: str, sender: Straight) -> None:
    calls: list[int] = []
    lifetimes = iter([3600.0, 60.0, 3600.0])

    def provide() -> str:
        calls.append(threading.get_ident())
        return token(next(lifetimes), str(len(calls)))

    async def provide_async() -> str:
        return provide()

    def provide_awaitable() -> Any:
        return provide_async()

    provider = {"plain": provide, "async": provide_async, "awaitable": provide_awaitable}[way]
    async with serving(replying(ANSWER)) as server:
        one = adapter("azure/m", api_base=server.url, azure_ad_token_provider=provider)
        for _ in range(3):
            await one.answer(CHAT, sender)
        assert len(calls) == 1
        assert (calls[0] == threading.get_ident()) is (way != "plain"), "a plain function must not block the loop"
        one._auth._until = 0.0  # type: ignore[attr-defined]
        for _ in range(3):  # this one would end within the call
            await one.answer(CHAT, sender)
    assert len(calls) == 3
    headers = [request.headers["authorization"] for request in sender.sent]
    assert len(set(headers)) == 3


async def test_a_token_of_unknown_lifetime_is_asked_for_each_time(sender: Straight) -> None:
    tokens = iter(["opaque-1", "opaque-2", "opaque-3"])
    async with serving(replying(ANSWER)) as server:
        one = adapter("azure/m", api_base=server.url, azure_ad_token_provider=lambda: next(tokens))
        for _ in range(3):
            await one.answer(CHAT, sender)
    assert [request.headers["authorization"] for request in sender.sent] == [f"Bearer opaque-{n}" for n in (1, 2, 3)]


async def test_calls_that_come_together_fetch_one_token() -> None:
    calls = 0

    def provide() -> str:
        nonlocal calls
        calls += 1
        time.sleep(0.05)
        return token(3600)

    one = adapter("azure/m", api_base=HOST, azure_ad_token_provider=provide)
    await asyncio.gather(*(one._auth.prepare() for _ in range(20)))
    assert calls == 1


@pytest.mark.parametrize("given", [None, "", 3, ValueError("secret-in-text"), TimeoutError()])
async def test_a_function_without_a_token_is_the_deployments_fault_and_shows_nothing(given: Any) -> None:
    def provide() -> Any:
        if isinstance(given, Exception):
            raise given
        return given

    one = adapter("azure/m", api_base=HOST, azure_ad_token_provider=provide)
    with pytest.raises(errors.AuthenticationError, match="no Entra token") as caught:
        await one._auth.prepare()
    assert (caught.value.kind, caught.value.retryable) == ("auth", True)
    assert "secret-in-text" not in str(caught.value)


def test_what_is_no_function_is_a_configuration_error() -> None:
    with pytest.raises(errors.ConfigurationError, match="azure_ad_token_provider must be a function"):
        adapter("azure/m", api_base=HOST, azure_ad_token_provider="a-token")


CLIENT: dict[str, Any] = {"tenant_id": "tenant", "client_id": "client", "client_secret": "client-secret"}


@pytest.mark.parametrize("where", ["params", "environment"])
async def test_client_credentials_go_through_azure_identity(
    where: str, monkeypatch: pytest.MonkeyPatch, sender: Straight
) -> None:
    class Credential:
        def __init__(self, *client: str) -> None:
            assert client == ("tenant", "client", "client-secret")

        def get_token(self, *scopes: str, **options: Any) -> AccessToken:
            assert scopes == ("https://cognitiveservices.azure.com/.default",)
            return AccessToken(token(3600), int(time.time()) + 3600)

    monkeypatch.setattr("azure.identity.ClientSecretCredential", Credential)
    params = CLIENT if where == "params" else {}
    for name, value in CLIENT.items() if where == "environment" else ():
        monkeypatch.setenv(f"AZURE_{name.upper()}", value)
    async with serving(replying(ANSWER)) as server:
        await adapter("azure/m", api_base=server.url, **params).answer(CHAT, sender)
    assert sender.sent[0].headers["authorization"].startswith("Bearer eyJ")


def test_without_azure_identity_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "azure.identity", None)
    with pytest.raises(errors.ConfigurationError, match=r"pip install router-core\[azure\]"):
        adapter("azure/m", api_base=HOST, **CLIENT)


async def test_without_any_credential_the_call_fails_over_and_says_what_to_write(sender: Straight) -> None:
    with pytest.raises(errors.AuthenticationError, match=r"azure_ad_token_provider.*AZURE_API_KEY") as caught:
        await adapter("azure/m", api_base=HOST).answer(CHAT, sender)
    assert (caught.value.retryable, sender.sent) == (True, [])


async def test_what_the_filter_found_is_kept_and_a_filtered_prompt_in_a_200_is_an_error(sender: Straight) -> None:
    body = {
        "choices": [{"message": {"content": "hi", "annotations": []}, "content_filter_results": {"hate": {}}}],
        "prompt_filter_results": [{"prompt_index": 0}],
    }
    refused = {
        "error": {"code": "content_filter", "status": 400, "innererror": {"code": "ResponsibleAIPolicyViolation"}}
    }
    async with serving(replying(answer(json.dumps(body).encode()))) as server:
        said: Any = await adapter("azure/m", api_key="k", api_base=server.url).answer(CHAT, sender)
    assert said.prompt_filter_results
    assert said.choices[0].content_filter_results == {"hate": {}}
    async with serving(replying(answer(json.dumps(refused).encode()))) as server:
        with pytest.raises(errors.ContentPolicyViolationError):
            await adapter("azure/m", api_key="k", api_base=server.url).answer(CHAT, sender)


async def test_a_stream_begins_with_what_the_filter_found(sender: Straight) -> None:
    first = {"id": "", "choices": [], "prompt_filter_results": [{"prompt_index": 0}]}
    said = {"choices": [{"delta": {"content": "hi"}, "finish_reason": "stop"}]}
    body = "".join(f"data: {data}\n\n" for data in (json.dumps(first), json.dumps(said), "[DONE]")).encode()
    call = Call("chat", {"messages": MESSAGES}, stream=True)
    async with serving(replying(answer(body, "200 OK", "Content-Type: text/event-stream"))) as server:
        one = adapter("azure/m", api_key="k", api_base=server.url)
        chunks: list[Any] = [chunk async for chunk in await one.chunks(call, sender)]
    assert [chunk.choices[0].delta.content for chunk in chunks] == [None, "hi"]
    assert chunks[0].prompt_filter_results
    whole = answer(b'{"choices": [{"message": {"content": "hi"}}]}', "200 OK", "Content-Type: application/json")
    async with serving(replying(whole)) as server:
        one = adapter("azure/m", api_key="k", api_base=server.url)
        chunks = [chunk async for chunk in await one.chunks(call, sender)]
    assert chunks[0].choices[0].delta.content == "hi"


def test_no_credential_is_in_a_repr_or_an_error() -> None:
    one = adapter("azure/m", api_key="key-of-azure-deployment", api_base=HOST, azure_ad_token="token-of-deployment")
    assert "of-azure-deployment" not in repr(vars(one)) + repr(one)
    assert "token-of-deployment" not in repr(vars(one))
