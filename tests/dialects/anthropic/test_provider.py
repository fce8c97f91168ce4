"""The provider over real sockets: address, credentials, betas, and what drop_params leaves out."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from pydantic import SecretStr

from router_core import errors
from router_core.providers import Call, HttpAdapter, adapter_for
from tests.dialects.anthropic.said import HI, message, sse, stream_of
from tests.http.deployed import Straight
from tests.http.described import Described
from tests.http.server import answer, replying, serving

WHOLE = message({"type": "text", "text": "hello"})


@dataclass
class Deployment(Described):
    model: str = "claude-sonnet-4-5"
    provider: str = "anthropic"
    api_key: SecretStr | None = field(default_factory=lambda: SecretStr("sk-ant-api03-of-this-deployment"))


def adapter(**fields: Any) -> HttpAdapter:
    made = adapter_for(Deployment(**fields))
    assert isinstance(made, HttpAdapter)
    return made


def chat(stream: bool = False, **parameters: Any) -> Call:
    return Call("chat", {"messages": HI, **parameters}, stream=stream)


@pytest.mark.parametrize(
    ("api_base", "url"),
    [
        (None, "https://api.anthropic.com/v1/messages"),
        ("https://proxy.example", "https://proxy.example/v1/messages"),
        ("https://proxy.example/v1/", "https://proxy.example/v1/messages"),
        ("https://proxy.example/anthropic/v1/messages", "https://proxy.example/anthropic/v1/messages"),
    ],
)
def test_the_address_with_and_without_its_end(api_base: str | None, url: str) -> None:
    assert str(adapter(api_base=api_base).request(chat()).url) == url


def test_a_key_is_anthropics_own_header() -> None:
    headers = adapter().request(chat()).headers
    assert headers["x-api-key"] == "sk-ant-api03-of-this-deployment"
    assert headers["anthropic-version"] == "2023-06-01"
    assert "authorization" not in headers


def test_a_token_is_a_bearers() -> None:
    token = SecretStr("sk-ant-oat01-of-this-deployment")
    headers = adapter(api_key=token).request(chat(anthropic_beta="b")).headers
    assert headers["authorization"] == "Bearer sk-ant-oat01-of-this-deployment"
    assert headers["anthropic-beta"] == "oauth-2025-04-20,b"
    assert "x-api-key" not in headers


async def test_without_a_key_it_is_said_which_to_set(sender: Straight) -> None:
    with pytest.raises(errors.AuthenticationError, match="ANTHROPIC_API_KEY"):
        await adapter(api_key=None).answer(chat(), sender)
    assert "x-api-key" not in adapter(api_key=None, api_base="http://127.0.0.1:1").request(chat()).headers


def test_betas_of_deployment_and_call_add_up_and_a_version_replaces() -> None:
    one = adapter(params={"extra_headers": {"anthropic-beta": "a"}})
    request = one.request(chat(betas=["b"], extra_headers={"Anthropic-Beta": "c", "anthropic-version": "2026-10-21"}))
    assert request.headers["anthropic-beta"] == "a,b,c"
    assert request.headers["anthropic-version"] == "2026-10-21"
    assert json.loads(request.content).keys() == {"messages", "max_tokens", "model"}


async def test_an_answer_and_a_stream(sender: Straight) -> None:
    async with serving(replying(answer(json.dumps(WHOLE).encode()))) as server:
        one = adapter(api_base=server.url)
        said: Any = await one.answer(chat(), sender)
        native: Any = await one.answer(Call("messages", {"messages": HI, "max_tokens": 5}), sender)
    assert (said.choices[0].message.content, native.content[0].text) == ("hello", "hello")
    data = answer(sse(stream_of(WHOLE)), "200 OK", "Content-Type: text/event-stream")
    async with serving(replying(data)) as server:
        chunks: list[Any] = [c async for c in await adapter(api_base=server.url).chunks(chat(stream=True), sender)]
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "hello"


@pytest.mark.parametrize("kind", ["chat", "messages"])
async def test_overload_within_a_stream_is_classified(sender: Straight, kind: Any) -> None:
    failure = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    data = answer(sse([*stream_of(WHOLE)[:2], failure]), "200 OK", "Content-Type: text/event-stream", "Retry-After: 9")
    async with serving(replying(data)) as server:
        chunks = await adapter(api_base=server.url).chunks(Call(kind, {"messages": HI}, stream=True), sender)
        with pytest.raises(errors.ServiceUnavailableError) as caught:
            async for _ in chunks:
                pass
    assert (caught.value.reason, caught.value.retry_after) == ("overloaded", None)


async def test_no_credit_is_the_deployments_fault(sender: Straight) -> None:
    text = "Your credit balance is too low to access the Anthropic API."
    failure = {"type": "error", "error": {"type": "invalid_request_error", "message": text}}
    async with serving(replying(answer(json.dumps(failure).encode(), "400 Bad Request"))) as server:
        with pytest.raises(errors.AuthenticationError) as caught:
            await adapter(api_base=server.url).answer(Call("messages", {"messages": HI}), sender)
    assert (caught.value.reason, caught.value.retryable) == ("no_credit", True)


def test_what_the_format_lacks_is_refused_or_dropped() -> None:
    with pytest.raises(errors.UnsupportedParamsError) as caught:
        adapter().request(chat(seed=1, n=2))
    assert set(caught.value.params) == {"seed", "n"}
    kept = json.loads(adapter().request(chat(seed=1, n=2, drop_params=True)).content)
    assert kept.keys() == {"messages", "max_tokens", "model"}


def test_what_says_nothing_is_no_reason_to_refuse() -> None:
    adapter().request(chat(n=1, logprobs=False, presence_penalty=0, frequency_penalty=0.0, seed=None))


def test_what_this_model_lacks_is_refused_or_dropped() -> None:
    one = adapter(model="claude-opus-5-5")
    given: dict[str, Any] = {"temperature": 0.2, "reasoning_effort": "none", "stop": "x"}
    with pytest.raises(errors.UnsupportedParamsError) as caught:
        one.request(chat(**given))
    assert (caught.value.llm_provider, caught.value.model) == ("anthropic", "claude-opus-5-5")
    kept = json.loads(one.request(chat(**given, drop_params=True)).content)
    assert kept.keys() == {"messages", "max_tokens", "model", "stop_sequences"}


def test_a_place_in_the_messages_is_never_dropped() -> None:
    part = {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "wav"}}
    call = Call("chat", {"messages": [{"role": "user", "content": [part]}], "drop_params": True})
    with pytest.raises(errors.UnsupportedParamsError, match=r"messages\[0\]"):
        adapter().request(call)


def test_a_parameter_of_the_wrong_type_is_the_callers_fault_and_not_shown() -> None:
    with pytest.raises(errors.BadRequestError, match="not what it should be") as caught:
        adapter().request(chat(response_format="hush-hush"))
    assert "hush-hush" not in str(caught.value)
